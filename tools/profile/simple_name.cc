#include "tools/profile/simple_name.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <iterator>

namespace limpet {
namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";
constexpr std::string_view kOperator = "operator";
constexpr std::string_view kLiteralOperator = "operator\"\"";
constexpr int kMaxDepth = 64;  // of nested names; a hostile one is not followed further

bool IsWordLetter(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  return std::isalnum(byte) != 0 || byte >= 0x80 || letter == '_' || letter == '$';
}

constexpr std::string_view kOpening = "(<[{";
constexpr std::string_view kClosing = ")>]}";

// "->" closes nothing, and neither does the sign of "1 > 2", which "A<B<int> > f" has not.
bool IsClosing(std::string_view text, std::size_t at) {
  if (text[at] != '>') return kClosing.find(text[at]) != std::string_view::npos;
  const bool is_arrow = at > 0 && text[at - 1] == '-';
  const bool is_sign =
      at > 1 && text[at - 1] == ' ' && text[at - 2] != '>' && text.substr(at + 1).starts_with(' ');
  return !is_arrow && !is_sign;
}

// Takes `letter` and what it closes from `expected`; false: it closes nothing there. Between
// parentheses an angle may be a sign by itself.
bool Close(char letter, std::string& expected) {
  if (letter == '>') {
    if (expected.ends_with('>')) expected.pop_back();
    return true;
  }
  const std::size_t last = expected.find_last_not_of('>');
  if (last == std::string::npos || expected[last] != letter) return false;
  expected.resize(last);
  return true;
}

// Behind the bracket that closes the one at `start`; npos: none does.
std::size_t EndOfGroup(std::string_view text, std::size_t start) {
  std::string expected;
  for (std::size_t at = start; at < text.size(); ++at) {
    const std::size_t opening = kOpening.find(text[at]);
    if (opening != std::string_view::npos) expected += kClosing[opening];
    if (!IsClosing(text, at)) continue;
    if (!Close(text[at], expected)) return std::string_view::npos;
    if (expected.empty()) return at + 1;
  }
  return std::string_view::npos;
}

// Go's "(*T)" or "(*T[...])", the former of the latter; empty: it is none.
std::string PointerReceiver(std::string_view group) {
  if (!group.starts_with("(*") || !group.ends_with(')')) return "";
  const auto* const end = std::find_if_not(group.begin() + 2, group.end(), IsWordLetter);
  const auto bytes = static_cast<std::size_t>(end - group.begin());
  if (bytes == 2 || (*end != ')' && *end != '[')) return "";
  return std::string(group.substr(0, bytes)) + ")";
}

// What "(*Name(int))" or "(A::*Name(int))" declares, "Name(int)"; empty: the group is none such.
std::string_view Declared(std::string_view group) {
  if (!group.ends_with(')')) return "";
  std::string_view inner = group.substr(1, group.size() - 2);
  const std::size_t member = inner.find("::*");
  const bool is_member = member != std::string_view::npos && inner.find('(') > member;
  if (is_member) inner.remove_prefix(member + 2);
  if (inner.find_first_of("*&") != 0) return "";
  inner.remove_prefix(std::min(inner.find_first_not_of("*& "), inner.size()));
  return inner;
}

bool EndsWithOperator(std::string_view text) {
  if (!text.ends_with(kOperator)) return false;
  text.remove_suffix(kOperator.size());
  return text.empty() || !IsWordLetter(text.back());
}

// Goes through a name once; what belongs to the simple one is in `simple_`.
class Simplifying {
 public:
  Simplifying(std::string_view name, int depth) : name_(name), depth_(depth) {}

  std::string Run() {
    while (at_ < name_.size() && !is_complete_) Step();
    simple_.resize(simple_.find_last_not_of(' ') + 1);
    return std::move(simple_);
  }

 private:
  void Step() {
    switch (name_[at_]) {
      case '(':
        return OpenParenthesis();
      case '<':
        return OpenAngle();
      case '{':
        return KeepBraces();
      case '>':
        return CloseAngle();
      case '[':
        return OpenSquare();
      case ' ':
        return Space();
      default:
        return Keep(1);
    }
  }

  void Keep(std::size_t letters) {
    simple_ += name_.substr(at_, letters);
    at_ = std::min(at_ + letters, name_.size());
  }

  // A group that never closes ends the name.
  std::string_view Skip() {
    const std::size_t end = EndOfGroup(name_, at_);
    is_complete_ = end == std::string_view::npos;
    const std::string_view group = name_.substr(at_, is_complete_ ? end : end - at_);
    at_ = is_complete_ ? name_.size() : end;
    return group;
  }

  void OpenParenthesis() {
    if (name_.substr(at_).starts_with(kAnonymous)) {
      simple_ += "{anonymous}";
      at_ += kAnonymous.size();
    } else if (EndsWithOperator(simple_) && name_.substr(at_, 2) == "()") {
      Keep(2);
    } else {
      PassGroup();
    }
  }

  // Go's method has its receiver in one, a function that returns one to a function its own name;
  // else it is parameters.
  void PassGroup() {
    const std::string_view group = Skip();
    const std::string_view declared = Declared(group);
    if (simple_.ends_with('.')) {
      simple_ += PointerReceiver(group);
    } else if (!declared.empty() && depth_ < kMaxDepth) {
      simple_ = Simplifying(declared, depth_ + 1).Run();
    }
    SkipQualifiers();
  }

  // Of a member function: " const", " &&"; also " [clone .cold]", which ends the name.
  void SkipQualifiers() {
    while (at_ < name_.size() && !name_.substr(at_).starts_with("::")) {
      const std::string_view rest = name_.substr(at_);
      std::size_t letters = 0;
      for (const std::string_view word : {" const", " volatile", " &&", " &", " noexcept"}) {
        if (rest.starts_with(word)) letters = std::max(letters, word.size());
      }
      if (letters == 0) return;
      at_ += letters;
    }
  }

  // "[jit]+0x12" is a name; "[abi:cxx11]" behind one is not.
  void OpenSquare() {
    if (simple_.empty()) return Keep(name_.size() - at_);
    if (EndsWithOperator(simple_)) return Keep(2);
    Skip();
  }

  void OpenAngle() {
    if (EndsWithOperator(simple_)) {
      for (const std::string_view symbol : {"<=>", "<<=", "<<", "<=", "<"}) {
        if (name_.substr(at_).starts_with(symbol)) return Keep(symbol.size());
      }
    }
    const std::size_t start = at_;
    const std::string_view group = Skip();
    const std::string_view inner = is_complete_ ? "" : name_.substr(start + 1, group.size() - 2);
    if (simple_.empty() && !inner.empty()) {
      simple_ = SimpleSelf(inner);
    } else if (inner.starts_with("lambda")) {
      simple_ += "{lambda}";
    } else if (simple_.ends_with("::")) {
      simple_.resize(simple_.size() - 2);  // Rust's collect::<T>
    }
  }

  // Of an operator's name; else nothing was open.
  void CloseAngle() {
    std::string_view before = simple_;
    for (int signs = 0; signs < 2 && (before.ends_with('>') || before.ends_with('-')); ++signs) {
      before.remove_suffix(1);
    }
    if (EndsWithOperator(before)) return Keep(1);
    ++at_;
  }

  // Rust's "T" is what the method is of, "T as Trait" also whose it is.
  std::string SimpleSelf(std::string_view inner) const {
    if (depth_ >= kMaxDepth) return "...";
    const std::size_t as = inner.find(" as ");
    if (as == std::string_view::npos) return Simplifying(inner, depth_ + 1).Run();
    return "<" + Simplifying(inner.substr(0, as), depth_ + 1).Run() + " as " +
           Simplifying(inner.substr(as + 4), depth_ + 1).Run() + ">";
  }

  // "{lambda(int)#1}" without its parameters.
  void KeepBraces() {
    const std::string_view group = Skip();
    for (std::size_t at = 0; at < group.size();) {
      const bool opens = group[at] == '(' || group[at] == '<';
      const std::size_t end = opens ? EndOfGroup(group, at) : at;
      if (opens && end == std::string_view::npos) return;
      if (!opens) simple_ += group[at];
      at = opens ? end : at + 1;
    }
  }

  // What is before a blank is the return type, but for operators that are words.
  void Space() {
    const std::string_view rest = name_.substr(at_);
    if (rest.starts_with(" [") || rest.starts_with(" (.")) {
      is_complete_ = true;
    } else if (EndsWithOperator(simple_) && !rest.starts_with(" <")) {
      Keep(std::min(rest.find('('), rest.size()));
    } else if (simple_.ends_with(kLiteralOperator)) {
      Keep(1);
    } else {
      if (!GoesOn(rest.substr(1))) simple_.clear();
      ++at_;
    }
  }

  // What is behind a blank belongs to what is before it.
  static bool GoesOn(std::string_view rest) {
    if (rest.starts_with(kAnonymous)) return false;
    return rest.starts_with('<') || rest.starts_with('(');
  }

  std::string_view name_;
  int depth_;
  std::size_t at_ = 0;
  bool is_complete_ = false;
  std::string simple_;
};

}  // namespace

std::string SimpleName(std::string_view name) {
  if (name.find_first_of("(<[{ ") == std::string_view::npos) return std::string(name);
  std::string simple = Simplifying(name, 0).Run();
  return simple.empty() ? WholeName(name) : simple;
}

std::string WholeName(std::string_view name) {
  std::string whole(name);
  std::replace(whole.begin(), whole.end(), '(', '{');
  std::replace(whole.begin(), whole.end(), ')', '}');
  for (const std::string_view begin : {"goroutine ", "created by "}) {
    if (name.starts_with(begin)) whole[whole.find(' ')] = '_';
  }
  return whole;
}

}  // namespace limpet

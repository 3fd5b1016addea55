#include "tools/profile/simple_name.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <iterator>

namespace limpet {
namespace {

constexpr std::string_view kAnonymous = "(anonymous namespace)";
constexpr std::string_view kOperator = "operator";
constexpr int kMaxDepth = 64;  // of nested names; a hostile one is not followed further

bool IsWordLetter(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || letter == '$';
}

constexpr std::string_view kOpening = "(<[{";
constexpr std::string_view kClosing = ")>]}";

// Behind the bracket that closes the one at `start`; npos: none does. "->" closes nothing.
std::size_t EndOfGroup(std::string_view text, std::size_t start) {
  std::string expected;
  for (std::size_t at = start; at < text.size(); ++at) {
    const char letter = text[at];
    const bool is_arrow = letter == '>' && at > start && text[at - 1] == '-';
    const std::size_t opening = kOpening.find(letter);
    if (opening != std::string_view::npos) expected += kClosing[opening];
    if (is_arrow || kClosing.find(letter) == std::string_view::npos) continue;
    if (expected.empty() || expected.back() != letter) return std::string_view::npos;
    expected.pop_back();
    if (expected.empty()) return at + 1;
  }
  return std::string_view::npos;
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
    } else if (simple_.ends_with('.')) {
      simple_ += Skip();  // Go's method: (*T)
    } else {
      Skip();
      SkipQualifiers();
    }
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
    } else {
      if (!rest.starts_with(" <") && !rest.starts_with(" (")) simple_.clear();
      ++at_;
    }
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
  if (!simple.empty()) return simple;
  simple = name;
  std::replace(simple.begin(), simple.end(), '(', '{');
  std::replace(simple.begin(), simple.end(), ')', '}');
  return simple;
}

}  // namespace limpet

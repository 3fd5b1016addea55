#include "tools/symbol/module_index.h"

#include <utility>

#include "absl/status/status.h"
#include "tools/symbol/demangle.h"

namespace limpet {
namespace {

using ImageOr = absl::StatusOr<std::unique_ptr<ElfImage>>;

bool IsVdso(const std::string& path) { return path == "[vdso]" || path == "linux-vdso.so.1"; }

std::string ShortId(const std::string& build_id) {
  return build_id.empty() ? "none" : build_id.substr(0, 12);
}

absl::Status OtherBuild(const ModuleFile& module, const ElfImage& image) {
  return absl::FailedPreconditionError(module.path + " changed since it was loaded (build id " +
                                       ShortId(module.build_id) + ", now " +
                                       ShortId(image.build_id()) + ")");
}

absl::Status MayBeAnother(const ModuleFile& module) {
  return absl::FailedPreconditionError(
      module.path + " has no build id, and the file there is newer than what was loaded");
}

// The file at the module's path, if it is still the one that was loaded.
ImageOr OpenBelow(const ModuleFile& module, const std::string& root) {
  ImageOr image = IsVdso(module.path) ? ElfImage::OpenVdso() : ElfImage::Open(module.path, root);
  if (!image.ok()) return image;
  const bool is_newer =
      module.known_unix_ns != 0 && (*image)->changed_unix_ns() > module.known_unix_ns;
  if (module.build_id.empty() && is_newer) return MayBeAnother(module);
  const bool is_other = !module.build_id.empty() && (*image)->build_id() != module.build_id;
  if (is_other) return OtherBuild(module, **image);
  return image;
}

// A process that changed its root has files of before, too; only a build id tells that it is them.
ImageOr OpenOwn(const ModuleFile& module, const DebugPlace& place) {
  ImageOr image = OpenBelow(module, place.root);
  if (image.ok() || place.root.empty() || module.build_id.empty()) return image;
  ImageOr ours = OpenBelow(module, "");
  return ours.ok() ? std::move(ours) : std::move(image);
}

// A debug file holds the segments and symbols of what it was split from, so it can stand for it.
ImageOr OpenAny(const ModuleFile& module, const DebugPlace& place) {
  ImageOr own = OpenOwn(module, place);
  if (own.ok()) return own;
  ImageOr debug = FindDebugFile(module.build_id, place);
  return debug.ok() ? std::move(debug) : std::move(own);
}

std::unique_ptr<ElfImage> OrNull(ImageOr image) { return image.ok() ? *std::move(image) : nullptr; }

}  // namespace

absl::StatusOr<std::unique_ptr<ModuleIndex>> ModuleIndex::Open(const ModuleFile& module,
                                                               const DebugPlace& place) {
  ImageOr image = OpenAny(module, place);
  if (!image.ok()) return image.status();
  return std::unique_ptr<ModuleIndex>(new ModuleIndex(*std::move(image), place));
}

ModuleIndex::ModuleIndex(std::unique_ptr<ElfImage> image, const DebugPlace& place)
    : image_(std::move(image)) {
  if (!image_->HasDebugInfo()) {
    debug_ = OrNull(FindDebugFile(*image_, place));
    packed_ = OrNull(UnpackMiniDebugInfo(*image_));
  }
  std::vector<const ElfImage*> images = {image_.get()};
  if (debug_ != nullptr) images.push_back(debug_.get());
  if (packed_ != nullptr) images.push_back(packed_.get());
  symbols_ = std::make_unique<SymbolTable>(images);
  auto dwarf = DwarfFile::Open(debug_ == nullptr ? *image_ : *debug_, place);
  if (dwarf.ok()) {
    sources_ = std::make_unique<SourceIndex>(*std::move(dwarf), *image_, *symbols_);
  }
}

std::vector<SourceFrame> ModuleIndex::Resolve(std::uint64_t address) {
  std::vector<SourceFrame> frames;
  if (sources_ != nullptr) frames = sources_->Resolve(address);
  const bool is_named = !frames.empty() && !frames.back().name.empty();
  const std::optional<FunctionSymbol> symbol = symbols_->Find(address);
  if (!symbol.has_value()) return is_named ? frames : std::vector<SourceFrame>{};
  if (frames.empty()) frames.emplace_back();
  if (!is_named) {
    frames.back().name = Demangle(symbol->name);
    frames.back().system_name = symbol->name;
  }
  for (SourceFrame& frame : frames) frame.entry = symbol->address;
  return frames;
}

}  // namespace limpet

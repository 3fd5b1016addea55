#include "tools/symbol/xz_unpack.h"

#include <lzma.h>

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"

namespace limpet {
namespace {

constexpr std::uint64_t kMaxDecoderBytes = 64ULL
                                           << 20;       // `xz -9` needs 65 MiB to pack, 9 to unpack
constexpr std::size_t kMaxUnpackedBytes = 64ULL << 20;  // the symbols of the largest browsers: 30
constexpr std::size_t kFirstBytes = 64 << 10;

}  // namespace

absl::StatusOr<std::vector<char>> UnpackXz(std::span<const char> packed) {
  for (std::size_t size = std::max(kFirstBytes, packed.size() * 4); size <= kMaxUnpackedBytes;
       size *= 2) {
    std::vector<char> unpacked(size);
    std::uint64_t memory_limit = kMaxDecoderBytes;
    std::size_t in = 0;
    std::size_t out = 0;
    const lzma_ret result = lzma_stream_buffer_decode(
        &memory_limit, 0, nullptr, reinterpret_cast<const std::uint8_t*>(packed.data()), &in,
        packed.size(), reinterpret_cast<std::uint8_t*>(unpacked.data()), &out, unpacked.size());
    if (result == LZMA_BUF_ERROR) continue;
    if (result != LZMA_OK) return absl::DataLossError("broken .xz stream");
    unpacked.resize(out);
    return unpacked;
  }
  return absl::ResourceExhaustedError("an .xz stream unpacks to more than 64 MiB");
}

}  // namespace limpet

#include "runtime/stack/loaded_object.h"

#include <dlfcn.h>
#include <link.h>

namespace limpet {
namespace {

using FindObject = int (*)(void*, dl_find_object*);
constinit FindObject g_find_object = nullptr;

}  // namespace

void BindObjectFinder() {
  g_find_object = reinterpret_cast<FindObject>(dlsym(RTLD_DEFAULT, "_dl_find_object"));
}

bool FindLoadedObject(std::uint64_t address, LoadedObject* object) {
  dl_find_object found = {};
  if (g_find_object == nullptr) return false;
  if (g_find_object(reinterpret_cast<void*>(address), &found) != 0) return false;
  object->map_start = reinterpret_cast<std::uint64_t>(found.dlfo_map_start);
  object->map_end = reinterpret_cast<std::uint64_t>(found.dlfo_map_end);
  object->eh_frame_header = reinterpret_cast<std::uint64_t>(found.dlfo_eh_frame);
  object->load_bias = found.dlfo_link_map->l_addr;
  object->path = found.dlfo_link_map->l_name;
  return true;
}

}  // namespace limpet

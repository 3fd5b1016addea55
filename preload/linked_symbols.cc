#include "preload/linked_symbols.h"

#include "runtime/sys/dynamic_section.h"

namespace limpet {

bool Defines(const link_map& object, const char* name) {
  return sys::DynamicSection::OfLoaded(object.l_ld, object.l_addr).Find(name) != nullptr;
}

const link_map* DefinerBehind(const char* name) {
  const link_map* object = _r_debug.r_map;
  while (object != nullptr && object->l_ld != _DYNAMIC) object = object->l_next;
  while (object != nullptr) {
    object = object->l_next;
    if (object != nullptr && Defines(*object, name)) return object;
  }
  return nullptr;
}

bool HaveOneDefinerBehind(const char* name, const char* other) {
  return DefinerBehind(name) == DefinerBehind(other);
}

}  // namespace limpet

// A library with the old hash table only (--hash-style=sysv).

extern "C" {

#define DEFINE(name) \
  [[gnu::visibility("default")]] int name() { return __LINE__; }

DEFINE(SysvFirst)
DEFINE(SysvSecond)
DEFINE(SysvThird)
DEFINE(sysv_with_a_long_name_whose_hash_overflows_its_upper_bits)

[[gnu::visibility("default")]] int g_sysv_data = 1;
}

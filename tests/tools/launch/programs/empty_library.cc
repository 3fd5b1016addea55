// A shared library that does nothing: it stands in for liblimpet.so.
extern "C" [[gnu::visibility("default")]] const int limpet_stand_in = 1;

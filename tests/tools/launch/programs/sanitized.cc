// Looks built with -fsanitize=address, without needing the sanitizer to be installed.
extern "C" [[gnu::used]] void __asan_init() {}

int main() { return 0; }

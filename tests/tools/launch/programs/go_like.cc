// Has the section that marks programs of the Go linker.
[[gnu::used, gnu::section(".go.buildinfo")]] const char kBuildInfo[] = "\xff Go buildinf:";

int main() { return 0; }

// A program like any other: dynamic, glibc's malloc. Its status is its first argument's length.
#include <cstring>

int main(int count, char** arguments) {
  return count > 1 ? static_cast<int>(std::strlen(arguments[1])) : 0;
}

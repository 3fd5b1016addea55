// A folder of a test's own, gone with it.
//
// Runs: test.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace limpet {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "limpet-test-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string Path(const std::string& name) const { return path_ / name; }

  // Writes a file, with its folders, and returns its path.
  std::string Write(const std::string& name, const std::string& text, bool is_executable = false) {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    using std::filesystem::perms;
    std::filesystem::permissions(file, is_executable ? perms(0755) : perms(0644));
    return file;
  }

 private:
  std::filesystem::path path_;
};

// A program that meson built beside the test.
inline std::string ToyProgram(const std::string& name) {
  const char* folder = std::getenv("TOY_PROGRAMS");
  return std::string(folder != nullptr ? folder : ".") + "/toy_" + name;
}

}  // namespace limpet

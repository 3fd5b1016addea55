// Profiles of several processes become one, in which each sample says by its labels whose it is.
//
// A file is loaded at another address in each process. Its locations are moved to where the first
// process had it, so that one call site is one location, and equal stacks are equal:
//
//   first:   0x55d01134 grow <- main                     0x55d01134 grow <- main  {pid: 101}
//   second:  0x56411134 grow <- main      merged:        0x55d01134 grow <- main  {pid: 102}
//
// Runs: companion.  Threads: one.  Allocates: yes.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "tools/profile/profile.h"
#include "tools/profile/unique_list.h"

namespace limpet {

class ProfileMerger {
 public:
  // `labels` are added to those that samples have. All are profiles of one name. The main
  // executable is that of the first.
  void Add(const Profile& profile, LabelSet labels);

  // All that was added, largest sample first, with the comments of none. The merger is empty then.
  Profile Take();

 private:
  // The part of a file that is mapped, wherever that is.
  struct PartOfFile {
    auto operator()(const ProfileMapping& mapping) const {
      const std::string& file = mapping.build_id.empty() ? mapping.file : mapping.build_id;
      return std::tuple<const std::string&, std::uint64_t, std::uint64_t>(
          file, mapping.file_offset, mapping.limit - mapping.start);
    }
  };
  struct SourceOf {
    auto operator()(const ProfileFunction& function) const {
      return std::tie(function.name, function.system_name, function.file, function.start_line);
    }
  };
  struct PlaceOf {
    auto operator()(const ProfileLocation& location) const {
      return std::tie(location.mapping, location.address, location.lines);
    }
  };

  // Indexes of the merged profile for those of one that is being added.
  struct Renumbering {
    std::vector<std::int32_t> mappings;  // -1: not added yet
    std::vector<std::uint32_t> functions;
    std::vector<std::uint32_t> locations;
  };

  void AddHeader(const Profile& profile);
  void AddMapping(const Profile& profile, std::size_t index, Renumbering& renumbering);
  void AddSamples(const Profile& profile, const Renumbering& renumbering, std::size_t first_labels);
  ProfileLocation Moved(const Profile& profile, const ProfileLocation& location,
                        Renumbering& renumbering);

  Profile merged_;  // but for what the lists below hold
  UniqueList<ProfileMapping, PartOfFile> mappings_;
  UniqueList<ProfileFunction, SourceOf> functions_;
  UniqueList<ProfileLocation, PlaceOf> locations_;
};

}  // namespace limpet

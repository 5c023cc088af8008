// The secret that all relays of a cluster have, and the file it is kept in: 64 lowercase hex digits
// and a newline, readable by one user alone.
#pragma once

#include "parrhesia/mesh/options.hpp"

#include <filesystem>
#include <string>

namespace parrhesia::mesh {

// Errors: std::runtime_error that names the file and the remedy, never what is in it: a file that
// is missing, that cannot be read, that others may read or write, or that holds anything else.
[[nodiscard]] ClusterSecret read_cluster_secret(const std::filesystem::path& file);

[[nodiscard]] ClusterSecret make_cluster_secret();

// As it stands in the file.
[[nodiscard]] std::string text_of(const ClusterSecret& secret);

// A new file, durable when it returns. False when there is one of that name, which stays as it is.
// Errors: std::runtime_error that names the file and the remedy.
[[nodiscard]] bool write_cluster_secret(const std::filesystem::path& file,
                                        const ClusterSecret& secret);

}  // namespace parrhesia::mesh

// What the subcommands do, once the command line and the configuration are understood. Each returns
// an exit code (exit_code.hpp) and reports failures on standard error.
#pragma once

#include "app/config_load.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace parrhesia::app {

struct ImportArguments {
    std::string input = "-";  // a path; "-" is standard input
    std::uint64_t show_rejected = 20;
    bool with_protected = false;
};
[[nodiscard]] int import_command(const Config& config, const ImportArguments& arguments);

struct ExportArguments {
    std::optional<std::string> output;  // a path; none: standard output
    std::optional<std::int64_t> since;
    std::optional<std::int64_t> until;
};
[[nodiscard]] int export_command(const Config& config, const ExportArguments& arguments);

struct ScanArguments {
    std::string filters;  // JSON: one, or an array
    bool count_only = false;
};
[[nodiscard]] int scan_command(const Config& config, const ScanArguments& arguments);

struct GenerateArguments {
    std::uint64_t count = 1000;
    std::uint64_t seed = 1;
    std::size_t authors = 200;
    std::optional<std::string> output;  // a path; none: standard output
};
[[nodiscard]] int generate_command(const GenerateArguments& arguments);

struct KeyImportArguments {
    std::string input;  // a path; "-" is standard input
    bool force = false;
};
[[nodiscard]] int key_show_command(const Config& config);
[[nodiscard]] int key_import_command(const Config& config, const KeyImportArguments& arguments);

struct ClusterKeygenArguments {
    std::optional<std::string> output;  // a path; none: standard output
};
[[nodiscard]] int cluster_keygen_command(const ClusterKeygenArguments& arguments);

struct ClusterCertificateArguments {
    std::string authority;  // a folder: ca.pem and ca.key, made when neither is there
    std::string node;       // 32 hex digits
    std::string output;     // a folder: relay.pem, relay.key and ca.pem
    unsigned days = 825;
};
[[nodiscard]] int cluster_certificate_command(const ClusterCertificateArguments& arguments);

struct ClusterStatusArguments {
    std::optional<std::string> admin;  // HOST:PORT; none: as configured
    bool is_json = false;
};
// Of the relay that runs with this configuration, or of the one at `admin`.
[[nodiscard]] int cluster_status_command(const Config& config,
                                         const ClusterStatusArguments& arguments);
[[nodiscard]] int cluster_id_command(const Config& config);

struct CopyArguments {
    std::string from;  // as store_name.hpp reads it
    std::string to;
    std::optional<std::string> resume;  // a path
};
[[nodiscard]] int db_migrate_command(const Config& config);
[[nodiscard]] int db_status_command(const Config& config);
[[nodiscard]] int db_copy_command(const Config& config, const CopyArguments& arguments);

}  // namespace parrhesia::app

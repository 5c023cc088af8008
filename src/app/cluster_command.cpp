#include "parrhesia/base/bytes.hpp"
#include "parrhesia/base/file.hpp"
#include "parrhesia/mesh/certificates.hpp"
#include "parrhesia/mesh/cluster_secret.hpp"
#include "parrhesia/mesh/discovery.hpp"
#include "parrhesia/mesh/status.hpp"

#include "app/admin_client.hpp"
#include "app/cluster_report.hpp"
#include "app/commands.hpp"
#include "app/config_keys.hpp"
#include "app/exit_code.hpp"
#include "app/node_identity.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace parrhesia::app {
namespace {

constexpr const char* kRotation =
    "to change the secret of a cluster that runs, name the new file in cluster.psk_accept on every "
    "relay first\n";

int print_secret(const mesh::ClusterSecret& secret) {
    std::cout << mesh::text_of(secret);
    if (!std::cout.flush()) {
        std::cerr << "parrhesia: the secret cannot be written to standard output\n";
        return kExitFailure;
    }
    std::cerr << "next: put this line into a file on every relay of the cluster, readable by the "
                 "relay's user alone (chmod 600), and name it there:\n"
                 "  cluster.enabled = true\n"
                 "  cluster.psk_file = \"FILE\"\n"
              << kRotation;
    return kExitOk;
}

int fail(std::string_view text) {
    std::cerr << "parrhesia: " << text << '\n';
    return kExitFailure;
}

// Where it can be dialled from this machine.
std::string dialled(const std::string& bind) {
    if (bind == "0.0.0.0") return "127.0.0.1";
    return bind == "::" ? "::1" : bind;
}

void write_new(const std::filesystem::path& file, const std::string& text) {
    const int code = base::write_private_file(file, text, base::Existing::keep);
    if (code == 0) return;
    const std::string reason = std::generic_category().message(code);
    throw std::runtime_error(
        fmt::format("{} cannot be written: {}. Name a folder that you may write and that has no "
                    "such file: what is there may be in use",
                    file.string(), reason));
}

std::string read_pem(const std::filesystem::path& file) {
    constexpr std::size_t kMaxBytes = 64 * 1024;
    base::SmallFile found;
    const int code = base::read_small_file(file, kMaxBytes, found);
    if (code == 0) return found.text;
    throw std::runtime_error(fmt::format(
        "{} cannot be read: {}. An authority is two files, ca.pem and ca.key: bring both, or name "
        "a folder that has neither, in which a new one is made",
        file.string(), std::generic_category().message(code)));
}

// That of the folder, or a new one in it.
mesh::Certified authority_in(const std::filesystem::path& folder) {
    constexpr std::chrono::hours kTenYears{10 * 365 * 24};
    const std::filesystem::path certificate = folder / "ca.pem";
    const std::filesystem::path key = folder / "ca.key";
    if (std::filesystem::exists(certificate) || std::filesystem::exists(key)) {
        return {read_pem(certificate), read_pem(key)};
    }
    mesh::Certified made = mesh::make_authority(folder.filename().string(), kTenYears);
    base::make_private_folder(folder);
    write_new(key, made.key);
    write_new(certificate, made.certificate);
    std::cerr << fmt::format(
        "a new authority is in {}; keep ca.key where no relay is: who has it can make itself a "
        "relay's certificate\n",
        folder.string());
    return made;
}

}  // namespace

int cluster_keygen_command(const ClusterKeygenArguments& arguments) {
    const mesh::ClusterSecret secret = mesh::make_cluster_secret();
    if (!arguments.output) return print_secret(secret);
    const std::filesystem::path file = *arguments.output;
    if (!mesh::write_cluster_secret(file, secret)) {
        std::cerr << fmt::format(
            "parrhesia: {} is there already, and relays may be using what is in it: name a new "
            "file\n",
            file.string());
        return kExitFailure;
    }
    std::cerr << fmt::format(
        "a new secret is in {}\n"
        "next: copy the file to every relay of the cluster, readable by the relay's user alone "
        "(chmod 600), and name it there:\n"
        "  cluster.enabled = true\n"
        "  cluster.psk_file = {}\n",
        file.string(), to_toml(ConfigValue(std::filesystem::absolute(file).string())));
    std::cerr << kRotation;
    return kExitOk;
}

int cluster_certificate_command(const ClusterCertificateArguments& arguments) {
    const auto node = base::parse_hex<base::NodeId>(arguments.node);
    if (!node) {
        return fail(
            fmt::format("--node {}: the id of a relay is {} lowercase hex digits; "
                        "\"parrhesia cluster id\" there shows it",
                        arguments.node, 2 * base::NodeId::kSize));
    }
    const mesh::Certified authority = authority_in(arguments.authority);
    const std::chrono::hours valid{24 * std::int64_t{arguments.days}};
    const mesh::Certified made = mesh::issue_certificate(authority, arguments.node, valid);
    const std::filesystem::path folder = arguments.output;
    base::make_private_folder(folder);
    write_new(folder / "relay.key", made.key);
    write_new(folder / "relay.pem", made.certificate);
    write_new(folder / "ca.pem", authority.certificate);
    std::cerr << fmt::format(
        "a certificate for node {}, valid for {} days, is in {}\n"
        "next: copy the three files to that relay, readable by its user, and name them there:\n"
        "  cluster.tls = \"mtls\"\n  cluster.cert_file = \"relay.pem\"\n"
        "  cluster.cert_key_file = \"relay.key\"\n  cluster.ca_file = \"ca.pem\"\n",
        arguments.node, arguments.days, folder.string());
    return kExitOk;
}

int cluster_status_command(const Config& config, const ClusterStatusArguments& arguments) {
    mesh::HostPort at{dialled(config.admin.bind), config.admin.port};
    if (arguments.admin) {
        const auto named = mesh::parse_host_port(*arguments.admin);
        if (!named) return fail(fmt::format("--admin: {}", named.error().text));
        at = *named;
    }
    if (at.port == 0) {
        return fail(
            "the admin listener is off (admin.port = 0), and only it tells of the cluster: give "
            "it a port, or ask another relay with --admin HOST:PORT");
    }
    const AdminReply reply = ask_admin(at.host, at.port, "/cluster");
    if (reply.status == 404) {
        return fail(
            fmt::format("the relay at {} is in no cluster (cluster.enabled), or it is no "
                        "Parrhesia of this version",
                        mesh::to_text(at)));
    }
    const auto status = mesh::parse_status(reply.body);
    if (reply.status != 200 || !status) {
        return fail(fmt::format(
            "what answers at {} is no admin listener of Parrhesia ({})", mesh::to_text(at),
            status ? fmt::format("HTTP status {}", reply.status) : status.error().text));
    }
    std::cout << (arguments.is_json ? reply.body + "\n" : cluster_report(*status));
    return is_whole(*status) ? kExitOk : kExitDegraded;
}

int cluster_id_command(const Config& config) {
    std::cout << base::to_hex(read_or_make_node_id(node_id_file(config))) << '\n';
    return kExitOk;
}

}  // namespace parrhesia::app

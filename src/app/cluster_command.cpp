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

#include <filesystem>
#include <iostream>
#include <string>
#include <string_view>

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

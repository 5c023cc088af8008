#include "parrhesia/mesh/cluster_secret.hpp"

#include "app/commands.hpp"
#include "app/config_keys.hpp"
#include "app/exit_code.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <string>

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

}  // namespace parrhesia::app

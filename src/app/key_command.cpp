#include "app/commands.hpp"
#include "app/exit_code.hpp"
#include "app/relay_key.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

namespace parrhesia::app {
namespace {

constexpr std::size_t kMaxInputBytes = 4096;

// The beginning of it: a key is short, and /dev/zero is long.
std::string read_start_of(const std::string& input) {
    const bool is_standard_input = input == "-";
    const int descriptor =
        is_standard_input ? STDIN_FILENO : ::open(input.c_str(), O_RDONLY | O_CLOEXEC);
    std::string text(kMaxInputBytes, '\0');
    std::size_t size = 0;
    int code = descriptor < 0 ? errno : 0;
    while (code == 0 && size < text.size()) {
        const ssize_t count = ::read(descriptor, text.data() + size, text.size() - size);
        if (count == 0) break;
        if (count > 0) size += static_cast<std::size_t>(count);
        if (count < 0 && errno != EINTR) code = errno;
    }
    if (descriptor >= 0 && !is_standard_input) ::close(descriptor);
    if (code != 0) {
        throw std::runtime_error(
            fmt::format("cannot read {}: {}", input, std::generic_category().message(code)));
    }
    text.resize(size);
    return text;
}

}  // namespace

int key_show_command(const Config& config) {
    const std::filesystem::path file = relay_key_file(config);
    const auto key = read_relay_key(file);
    if (!key) {
        std::cerr << fmt::format(
            "parrhesia: there is no key in {} (store.path): the first start of \"parrhesia relay\" "
            "makes one, \"parrhesia key import\" brings one\n",
            file.string());
        return kExitFailure;
    }
    std::cout << base::to_hex(key->pubkey()) << '\n';
    return kExitOk;
}

int key_import_command(const Config& config, const KeyImportArguments& arguments) {
    const std::filesystem::path file = relay_key_file(config);
    const event::Keypair key =
        parse_relay_key(read_start_of(arguments.input),
                        arguments.input == "-" ? "standard input" : arguments.input);
    if (!write_relay_key(file, key, arguments.force ? Existing::replace : Existing::keep)) {
        std::cerr << fmt::format(
            "parrhesia: {} has a key already, under which clients know this relay; --force "
            "replaces it (and the old key is gone)\n",
            file.string());
        return kExitFailure;
    }
    std::cout << base::to_hex(key.pubkey()) << '\n';
    std::cerr << "the relay uses this key from its next start on\n";
    return kExitOk;
}

}  // namespace parrhesia::app

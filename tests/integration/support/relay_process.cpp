#include "integration/support/relay_process.hpp"

#include "integration/support/ws_client.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>

namespace parrhesia::test {
namespace {

// Free when asked; admin.port = 0 means off, so the relay cannot choose it itself.
std::uint16_t free_port() {
    boost::asio::io_context context;
    const boost::asio::ip::tcp::acceptor acceptor(
        context, {boost::asio::ip::address_v4::loopback(), std::uint16_t{0}});
    return acceptor.local_endpoint().port();
}

std::uint16_t port_of(const std::string& address) {
    return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

}  // namespace

RelayProcess::RelayProcess(std::vector<std::string> settings) : settings_(std::move(settings)) {
    start();
}

void RelayProcess::start() {
    for (int attempt = 0; attempt < 5; ++attempt) {  // another process may take the port first
        std::vector<std::string> arguments{"relay"};
        std::vector<std::string> settings{"relay.port=0",
                                          "admin.port=" + std::to_string(free_port()),
                                          "store.path=" + folder_.path().string()};
        settings.insert(settings.end(), settings_.begin(), settings_.end());
        for (const std::string& setting : settings) {
            arguments.emplace_back("--set");
            arguments.push_back(setting);
        }
        child_ = std::make_unique<ChildProcess>(PARRHESIA_BINARY, arguments);
        constexpr std::chrono::seconds kAtOnce{0};
        std::optional<std::string> admin;
        static_cast<void>(becomes([&] {
            admin = child_->wait_for_line("admin http://", kAtOnce);
            return admin || child_->wait(kAtOnce);
        }));
        if (admin) {
            port_ = port_of(*child_->wait_for_line("listening ws://"));
            admin_port_ = port_of(*admin);
            return;
        }
        if (child_->errors().find("in use") == std::string::npos) break;
    }
    throw std::runtime_error("the relay did not start: " + child_->errors());
}

void RelayProcess::kill() {
    child_->signal(SIGKILL);
    static_cast<void>(child_->wait());
}

int RelayProcess::wait() { return child_->wait().value_or(-1); }

int RelayProcess::terminate() {
    child_->signal(SIGTERM);
    return wait();
}

std::uint16_t RelayProcess::mesh_port() const {
    const auto line = child_->wait_for_line("mesh ");
    if (!line) throw std::runtime_error("the relay has no mesh: " + child_->errors());
    return port_of(*line);
}

double RelayProcess::metric(std::string_view name) const {
    const std::string text = "\n" + http_get(admin_port_, "/metrics").body;
    const std::string line = "\n" + std::string(name) + " ";
    const std::size_t at = text.find(line);
    return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + line.size(), nullptr);
}

bool RelayProcess::metric_becomes(std::string_view name, double value) const {
    return becomes([&] { return metric(name) == value; });
}

bool RelayProcess::log_has(std::string_view text) const {
    return becomes([&] { return child_->errors().find(text) != std::string::npos; });
}

void RelayProcess::limit_file_size(rlim_t bytes) const {
    const rlimit limit{bytes, RLIM_INFINITY};
    if (::prlimit(child_->pid(), RLIMIT_FSIZE, &limit, nullptr) != 0) {
        throw std::runtime_error("prlimit failed");
    }
}

rlim_t RelayProcess::largest_store_file_bytes() const {
    rlim_t largest = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
        if (entry.is_regular_file()) largest = std::max<rlim_t>(largest, entry.file_size());
    }
    return largest;
}

}  // namespace parrhesia::test

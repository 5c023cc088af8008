// The operators' listener: a few HTTP paths, on a port and a thread of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace parrhesia::net {

struct AdminAnswer {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
};

// What GET on a path answers. Called on the thread "admin"; may take a while, delays no client.
using AdminRoutes = std::map<std::string, std::function<AdminAnswer()>, std::less<>>;

// Threading: belongs to the thread that made it.
class AdminServer {
  public:
    // Binds and serves at once. Port 0: any free one.
    // Errors: std::runtime_error with the address, the reason and the remedy.
    AdminServer(const std::string& bind, std::uint16_t port, AdminRoutes routes);
    ~AdminServer();  // ends the thread
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace parrhesia::net

// The names of Asio that the mesh uses.
#pragma once

#include "parrhesia/base/error.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace parrhesia::mesh {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using base::error_code;

// I/O errors are values, checked on the next line.
inline constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

}  // namespace parrhesia::mesh

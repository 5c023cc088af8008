// What the codes of LMDB mean to the relay.
#pragma once

#include "parrhesia/base/error.hpp"

#include <string>

namespace parrhesia::store::lmdb {

// `code` is a non-zero result of an mdb_ call: one of LMDB's own or an errno.
[[nodiscard]] base::Errc meaning_of(int code) noexcept;
[[nodiscard]] std::string text_of(int code);

}  // namespace parrhesia::store::lmdb

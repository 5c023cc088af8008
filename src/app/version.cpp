#include "app/version.hpp"

#include "app/version_info.hpp"

#include <fmt/format.h>

namespace parrhesia::app {

std::string_view version() noexcept { return build::kVersion; }

std::string version_report() {
    return fmt::format(
        "parrhesia {}\n"
        "compiler: {}, {}\n"
        "built with: Boost {}, OpenSSL {}, LMDB {}, libsecp256k1 {}, simdjson {}, spdlog {},\n"
        "  prometheus-cpp {}, toml++ {}, CLI11 {}\n",
        build::kVersion, build::kCompiler, build::kBuildType, build::kBoost, build::kOpenSsl,
        build::kLmdb, build::kSecp256k1, build::kSimdjson, build::kSpdlog, build::kPrometheusCpp,
        build::kTomlPlusPlus, build::kCli11);
}

}  // namespace parrhesia::app

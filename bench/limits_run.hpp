// What the machine itself can do, measured beside the relay so that its figures have a scale.
#pragma once

#include "report.hpp"

#include <string>

namespace parrhesia::bench {

// `folder`: on the disk of the relay's store. Errors: throws std::runtime_error that names it.
[[nodiscard]] Report run_limits(const std::string& folder);

}  // namespace parrhesia::bench

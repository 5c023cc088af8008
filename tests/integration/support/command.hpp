// One run of the executable, from its start to its end.
#pragma once

#include "integration/support/process.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace parrhesia::test {

struct Ended {
    int code = -1;
    std::string out;
    std::string err;
};

// Without standard input. Fails the test when it does not end.
[[nodiscard]] inline Ended run_command(const std::vector<std::string>& arguments,
                                       const std::vector<std::string>& environment = {}) {
    ChildProcess process(PARRHESIA_BINARY, arguments, environment);
    process.close_input();
    const auto code = process.wait();
    EXPECT_TRUE(code) << "still running; standard error: " << process.errors();
    return {code.value_or(-1), process.output(), process.errors()};
}

}  // namespace parrhesia::test

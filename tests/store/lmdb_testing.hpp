// What the tests of the embedded store share.
#pragma once

#include "parrhesia/store/lmdb_store.hpp"

#include "store/lmdb/environment.hpp"
#include "store/store_testing.hpp"
#include "support/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

namespace parrhesia::test {

using store::LmdbOptions;

class LmdbTest : public testing::Test {
  protected:
    [[nodiscard]] std::filesystem::path path() const { return folder.path() / "store"; }
    [[nodiscard]] std::filesystem::path data_file() const {
        return path() / store::lmdb::kDataFile;
    }
    [[nodiscard]] LmdbOptions options() const {
        LmdbOptions result;
        result.path = path();
        result.initial_map_bytes = std::uint64_t{1} << 20;
        return result;
    }
    [[nodiscard]] LmdbOptions read_only() const {
        LmdbOptions result = options();
        result.read_only = true;
        return result;
    }
    [[nodiscard]] std::unique_ptr<EventStore> open() const {
        return store::open_lmdb_store(options());
    }
    void expect_whole() const {
        const auto check = store::check_lmdb_store(options());
        EXPECT_EQ(check.problem_count, 0U) << check.problems.front();
    }

    TemporaryFolder folder;
};

// The text of the exception, or "" when there is none.
template <class Action>
[[nodiscard]] std::string refusal_of(Action&& action) {
    try {
        action();
        return "";
    } catch (const std::exception& error) {
        return error.what();
    }
}

// Runs `action` in a process of its own: LMDB wants a folder open only once in a process, and
// limits and user ids belong to processes. Returns what `action` returned (0 to 255), or -1 when it
// did not end well.
template <class Action>
[[nodiscard]] int in_child(Action&& action) {
    const pid_t child = ::fork();
    if (child == 0) {
        int status = 255;
        try {
            status = action();
        } catch (const std::exception& error) {
            std::fprintf(stderr, "in the child: %s\n", error.what());
        }
        ::_exit(status);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

}  // namespace parrhesia::test

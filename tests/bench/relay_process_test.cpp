#include "relay_process.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace parrhesia::bench {
namespace {

using std::chrono::seconds;

// What a failure says; empty: there was none.
template <class Action>
std::string failure_of(Action action) {
    try {
        action();
    } catch (const std::runtime_error& error) {
        return error.what();
    }
    return {};
}

TEST(RelayProcess, FindsTheAddressInWhatTheRelaySays) {
    RelayProcess relay({"/bin/sh", "-c", "echo hello; echo listening ws://127.0.0.1:4711"});

    EXPECT_EQ(relay.wait_until_listening(seconds(60)), "ws://127.0.0.1:4711/");
}

TEST(RelayProcess, NamesAProgramThatCannotBeStarted) {
    const std::string failure = failure_of([] {
        const RelayProcess relay({"/nowhere/parrhesia", "relay"});
    });

    EXPECT_NE(failure.find("/nowhere/parrhesia"), std::string::npos) << failure;
}

TEST(RelayProcess, ARelayThatEndsBeforeItListensIsAFailure) {
    RelayProcess relay({"/bin/sh", "-c", "echo store: damaged; exit 1"});

    const std::string failure =
        failure_of([&relay] { static_cast<void>(relay.wait_until_listening(seconds(60))); });

    EXPECT_NE(failure.find("ended"), std::string::npos) << failure;
    EXPECT_FALSE(relay.stop());
}

}  // namespace
}  // namespace parrhesia::bench

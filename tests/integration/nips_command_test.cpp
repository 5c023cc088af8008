// What the executable says it supports is what the documents say (docs/nips.md is held against the
// same text in tests/app).
#include "app/exit_code.hpp"
#include "app/supported_nips.hpp"
#include "integration/support/process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace parrhesia::app {
namespace {

TEST(NipsCommandTest, MarkdownIsTheDocument) {
    test::ChildProcess process(PARRHESIA_BINARY, {"nips", "--markdown"});
    ASSERT_EQ(process.wait(), kExitOk);
    EXPECT_EQ(process.output(), nips_markdown());
}

TEST(NipsCommandTest, TerminalGetsTheCasesOfEach) {
    test::ChildProcess process(PARRHESIA_BINARY, {"nips"});
    ASSERT_EQ(process.wait(), kExitOk);
    EXPECT_THAT(process.output(), ::testing::ContainsRegex("NIP-09 .*T09.01-T09.08\n"));
}

}  // namespace
}  // namespace parrhesia::app

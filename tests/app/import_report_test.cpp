#include "app/import_report.hpp"

#include "support/manual_clock.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <sstream>

namespace parrhesia::app {
namespace {

using base::Errc;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ImportReportTest : public ::testing::Test {
  protected:
    static void add_lines(ImportReport& report, int count) {
        for (int i = 0; i < count; ++i) {
            report.add_line();
            report.add_stored(store::PutStatus::stored);
        }
    }

    test::ManualClock clock_{0};
    std::ostringstream err_;
};

TEST_F(ImportReportTest, TerminalGetsOneLineThatIsRewritten) {
    ImportReport report(err_, clock_, {true, 20, 1000});
    add_lines(report, 500);
    clock_.advance(std::chrono::seconds(10));

    report.progress(250);
    EXPECT_EQ(err_.str(), "\r500 lines, 50/s, 25 %, 30 s left\x1b[K");
    report.end_progress();
    EXPECT_TRUE(err_.str().ends_with("\r\x1b[K"));
}

TEST_F(ImportReportTest, PlainLinesComeEveryFewSeconds) {
    ImportReport report(err_, clock_, {false, 20, std::nullopt});
    add_lines(report, 30);
    clock_.advance(std::chrono::seconds(4));
    report.progress(100);
    EXPECT_THAT(err_.str(), IsEmpty());

    clock_.advance(std::chrono::seconds(1));
    report.progress(100);
    report.progress(100);
    EXPECT_EQ(err_.str(), "30 lines, 6/s\n");
}

TEST_F(ImportReportTest, LongWaitsAreToldInHours) {
    ImportReport report(err_, clock_, {false, 20, 1'000'000});
    add_lines(report, 1);
    clock_.advance(std::chrono::seconds(10));
    report.progress(1000);

    EXPECT_THAT(err_.str(), HasSubstr("2:46 h left"));
}

TEST_F(ImportReportTest, RefusedLineInterruptsTheRewrittenLine) {
    ImportReport report(err_, clock_, {true, 20, std::nullopt});
    clock_.advance(std::chrono::seconds(1));
    report.progress(1);
    report.add_refused(7, {Errc::invalid_event, "kind is missing"});

    EXPECT_TRUE(err_.str().ends_with("\r\x1b[Kline 7: kind is missing\n"));
}

TEST_F(ImportReportTest, OnlySoManyRefusedLinesAreShown) {
    ImportReport report(err_, clock_, {false, 1, std::nullopt});
    report.add_refused(1, {Errc::invalid_event, "first"});
    report.add_refused(2, {Errc::invalid_event, "second"});

    EXPECT_THAT(err_.str(), HasSubstr("line 1: first\nfurther refused lines are counted"));
    EXPECT_EQ(err_.str().find("second"), std::string::npos);
    EXPECT_EQ(report.counts().refused, 2U);
}

TEST_F(ImportReportTest, NoneShownMeansNoneNamed) {
    ImportReport report(err_, clock_, {false, 0, std::nullopt});
    report.add_refused(1, {Errc::invalid_event, "first"});

    EXPECT_THAT(err_.str(), IsEmpty());
}

TEST_F(ImportReportTest, SummaryCountsEverything) {
    ImportReport report(err_, clock_, {false, 0, std::nullopt});
    add_lines(report, 2);
    report.add_line();
    report.add_stored(store::PutStatus::duplicate);
    report.add_line();
    report.add_stored(store::PutStatus::superseded);
    report.add_line();
    report.add_refused(1, {Errc::invalid_signature, ""});
    clock_.advance(std::chrono::seconds(2));

    EXPECT_EQ(report.summary(),
              "5 lines read: 2 stored, 1 duplicates, 1 superseded, 1 refused; 2.0 s, 2/s\n"
              "  refused as invalid_signature: 1\n");
}

}  // namespace
}  // namespace parrhesia::app

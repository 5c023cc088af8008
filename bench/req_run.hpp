// Asks stored queries and checks every answer against the corpus.
#pragma once

#include "mixes.hpp"
#include "run.hpp"

#include <deque>

namespace parrhesia::bench {

struct ReqOptions {
    CommonOptions common;
    CorpusPart corpus;  // what the relay holds
    std::string mix = "author_kind100";
    std::size_t connections = 8;  // one request under way on each
    std::size_t requests = 5000;
    std::size_t distinct = 200;
    std::size_t limit = 100;
    // Requests a second, latency counted from when each was due; 0: as fast as the answers come.
    double rate = 0;
};

class ReqRun final : private Run {
  public:
    explicit ReqRun(const ReqOptions& options);
    [[nodiscard]] Report run();

  private:
    struct Asked {
        bool is_busy = false;
        std::size_t query = 0;
        TimePoint due;
        std::vector<EventTable::Number> received;
        std::size_t asked_count = 0;  // names the subscription
    };

    void ask(Client& client, TimePoint due);
    void schedule_rate();
    void on_text(Client& client, std::string_view text) override;
    void on_event(Asked& asked, std::string_view json);
    void on_eose(Client& client);
    void check(const Query& query, std::vector<EventTable::Number>& received);
    void report_pages(Report& report);

    const ReqOptions settings_;
    const EventTable events_;
    std::vector<Query> queries_;
    std::vector<Asked> asked_;   // by client
    std::deque<TimePoint> due_;  // not asked yet, no connection being free
    std::vector<std::vector<double>> us_of_page_;
    std::size_t next_ = 0;  // request
    std::uint64_t answered_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t missing_ = 0;
    std::uint64_t duplicate_ = 0;
    std::uint64_t wrong_ = 0;
    std::uint64_t unordered_ = 0;
    std::uint64_t refused_ = 0;
    std::string first_refusal_;
};

}  // namespace parrhesia::bench

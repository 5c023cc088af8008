// Publishes a corpus and checks every OK.
#pragma once

#include "run.hpp"

namespace parrhesia::bench {

struct IngestOptions {
    CommonOptions common;
    CorpusPart corpus;
    std::size_t connections = 8;
    std::size_t in_flight = 32;  // on each connection
    // Events a second over all connections; 0: as fast as the answers come. With a rate, latency
    // counts from when an event was due, and `in_flight` does not hold it back.
    double rate = 0;
};

// The frames of a corpus are made before the clock starts.
class IngestRun final : private Run {
  public:
    explicit IngestRun(const IngestOptions& options);
    [[nodiscard]] Report run();

  private:
    enum class State : std::uint8_t { waiting, sent, answered };
    void send_next(Client& client, TimePoint due);
    void on_text(Client& client, std::string_view text) override;
    void on_ok(Client& client, std::string_view hex_id, bool is_accepted, std::string_view words);

    const IngestOptions settings_;
    const EventTable events_;
    std::string frames_;  // of all events, one after another
    std::vector<std::size_t> frame_ends_;
    std::vector<State> states_;
    std::vector<TimePoint> due_;
    std::size_t next_ = 0;
    std::uint64_t answered_ = 0;
    std::uint64_t superseded_ = 0;  // a newer version of a replaceable event was there
    std::uint64_t known_ = 0;       // stored before this run
    std::uint64_t refused_ = 0;
    std::uint64_t repeated_ = 0;  // a second OK for one event
    std::uint64_t unknown_ = 0;   // answers to nothing
    std::string first_refusal_;
};

}  // namespace parrhesia::bench

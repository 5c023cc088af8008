// The way of an event: policy, signature, store; the outcome comes back through the shard.
#pragma once

#include "parrhesia/base/clock.hpp"
#include "parrhesia/base/error.hpp"
#include "parrhesia/event/event.hpp"
#include "parrhesia/policy/rates.hpp"
#include "parrhesia/policy/viewer.hpp"

#include "pipeline/shard.hpp"

#include <optional>

namespace parrhesia::pipeline {

enum class Admitted {
    queued,     // the writer has it; ClientConnection::on_outcome() will hear
    delivered,  // ephemeral: live subscriptions have it, nothing is stored
};

// Runs on the io thread of `shard`; the signature is verified here, inline: one event is about 50
// µs of it, and each message of a connection is a turn of its own in the thread's queue.
//
// Errors: those of policy::ClientRates, DiskReserve, check_kind(), check_event(),
// check_marmot_event(), check_write() and event::check_work(), invalid_signature, overloaded,
// shutting_down.
// `pipelined`: as in store::WriteRequest. With `tally` an ephemeral event's deliveries are counted.
[[nodiscard]] base::Checked<Admitted> admit(Shard& shard, ConnectionId origin,
                                            const policy::Viewer& sender,
                                            policy::ClientRates& rates,
                                            const event::EventPtr& event,
                                            base::SteadyTime received_at, bool pipelined,
                                            const std::shared_ptr<Tally>& tally);

}  // namespace parrhesia::pipeline

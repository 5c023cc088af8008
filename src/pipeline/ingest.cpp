#include "pipeline/ingest.hpp"

#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/verify.hpp"
#include "parrhesia/policy/limits.hpp"

namespace parrhesia::pipeline {
namespace {

constexpr event::Kind kClientAuthentication = 22242;

base::Refusal refusal_of(base::Errc code) { return {code, base::make_error_code(code).message()}; }

}  // namespace

base::Checked<Admitted> admit(Shard& shard, ConnectionId origin, const event::EventPtr& event,
                              base::SteadyTime received_at, bool pipelined) {
    Core& core = shard.core();
    if (core.refusing.load(std::memory_order_relaxed)) return refusal_of(base::Errc::shutting_down);
    if (event->kind() == kClientAuthentication) {
        return base::Refusal{base::Errc::blocked, "kind 22242 is never published (NIP-42)"};
    }
    if (auto refusal = policy::check_event(*event, core.limits, core.clock.unix_seconds())) {
        return *std::move(refusal);
    }
    const bool ephemeral = event::is_ephemeral(event->kind());
    if (!event::verify_signature(*event)) return refusal_of(base::Errc::invalid_signature);

    if (ephemeral) {
        shard.publish_everywhere({event, base::Position{}, received_at});
        return Admitted::delivered;
    }
    if (!core.writer->submit({event, origin.packed(), received_at, pipelined})) {
        return refusal_of(base::Errc::overloaded);
    }
    return Admitted::queued;
}

}  // namespace parrhesia::pipeline

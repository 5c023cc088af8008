#include "pipeline/ingest.hpp"

#include "parrhesia/event/kind.hpp"
#include "parrhesia/event/proof_of_work.hpp"
#include "parrhesia/event/verify.hpp"
#include "parrhesia/policy/access.hpp"
#include "parrhesia/policy/kind_rules.hpp"
#include "parrhesia/policy/limits.hpp"
#include "parrhesia/policy/marmot.hpp"

namespace parrhesia::pipeline {
namespace {

using Refused = std::optional<base::Refusal>;

base::Refusal refusal_of(base::Errc code) { return {code, base::make_error_code(code).message()}; }

// What is cheap comes first, the signature after all of it.
Refused check(const event::Event& event, const policy::Viewer& sender, const Core& core) {
    const RelayOptions& options = core.options;
    const std::int64_t now = core.clock.unix_seconds();
    if (auto refusal = policy::check_event(event, options.limits, now)) return refusal;
    const event::EventView view = event.view();
    if (auto refusal = policy::check_kind(view, options.denied_kinds)) return refusal;
    if (auto refusal = policy::check_marmot_event(view, options.marmot)) return refusal;
    if (auto refusal = policy::check_write(view, sender, options.access)) return refusal;
    // Requests to vanish are taken from everybody (NIP-62).
    if (event.kind() != event::kVanish) {
        if (auto refusal = event::check_work(view, options.limits.min_pow_difficulty)) {
            return refusal;
        }
    }
    if (!event::verify_signature(event)) return refusal_of(base::Errc::invalid_signature);
    return std::nullopt;
}

}  // namespace

base::Checked<Admitted> admit(Shard& shard, ConnectionId origin, const policy::Viewer& sender,
                              policy::ClientRates& rates, const event::EventPtr& event,
                              base::SteadyTime received_at, bool pipelined,
                              const std::shared_ptr<Tally>& tally) {
    Core& core = shard.core();
    const bool ephemeral = event::is_ephemeral(event->kind());
    if (core.refusing.load(std::memory_order_relaxed)) return refusal_of(base::Errc::shutting_down);
    if (auto refusal = rates.event(received_at)) return *std::move(refusal);
    if (core.options.disk != nullptr && !ephemeral) {
        if (auto refusal = core.options.disk->check(event->kind())) return *std::move(refusal);
    }
    if (auto refusal = check(*event, sender, core)) return *std::move(refusal);
    if (auto refusal = rates.author(event->view(), received_at)) return *std::move(refusal);

    const event::TrafficClass traffic_class = event::traffic_class_of(event->kind());
    if (ephemeral) {
        shard.publish_everywhere({event, base::Position{}, received_at, traffic_class}, tally);
        return Admitted::delivered;
    }
    if (!core.writer->submit({event, origin.packed(), received_at, pipelined, traffic_class})) {
        return refusal_of(base::Errc::overloaded);
    }
    return Admitted::queued;
}

}  // namespace parrhesia::pipeline

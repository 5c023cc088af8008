#include "parrhesia/store/relay_registry.hpp"

#include "store/postgres/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

namespace parrhesia::store {
namespace {

using postgres::Connection;
using postgres::DatabaseError;
using postgres::Parameters;
using postgres::Patience;
using postgres::Rows;
using postgres::Statement;
using std::chrono::steady_clock;

// Of two starts of one node the later one counts, unless it is gone for good.
const Statement kAnnounce{
    "registry_announce",
    "INSERT INTO relay_node (cluster, node_id, boot_id, addr, proto, state)"
    " VALUES ($1::text, encode($2::bytea, 'hex')::uuid, $3::bigint, $4::text, $5::integer::int2,"
    " $6::text) ON CONFLICT (cluster, node_id) DO UPDATE SET boot_id = EXCLUDED.boot_id,"
    " addr = EXCLUDED.addr, proto = EXCLUDED.proto, state = EXCLUDED.state,"
    " last_seen = clock_timestamp()"
    " WHERE relay_node.boot_id <= EXCLUDED.boot_id OR relay_node.state = 'left'"
    " OR relay_node.last_seen < clock_timestamp() - $7::integer * interval '1 second'"
    " RETURNING 1"};
const Statement kList{
    "registry_list",
    "SELECT uuid_send(node_id), boot_id, addr, proto::integer, state,"
    " (extract(epoch FROM clock_timestamp() - last_seen) * 1000)::bigint FROM relay_node"
    " WHERE cluster = $1::text AND node_id <> encode($2::bytea, 'hex')::uuid AND state <> 'left'"
    " AND last_seen > clock_timestamp() - $3::integer * interval '1 second'"
    " ORDER BY last_seen DESC LIMIT $4::integer"};
const Statement kLeave{"registry_leave",
                       "UPDATE relay_node SET state = 'left', last_seen = clock_timestamp()"
                       " WHERE cluster = $1::text AND node_id = encode($2::bytea, 'hex')::uuid"
                       " AND boot_id = $3::bigint"};
// Nodes that come with an id of their own each time (containers without a data folder) leave rows.
const Statement kForget{"registry_forget",
                        "DELETE FROM relay_node WHERE cluster = $1::text"
                        " AND last_seen < clock_timestamp() - interval '1 day'"};
const std::array kStatements{kAnnounce, kList, kLeave, kForget};

// 20 digits at most, 10 and 32, and two that part them.
constexpr const char* kLogId =
    "SELECT (SELECT system_identifier FROM pg_control_system()) || '/'"
    " || (SELECT oid FROM pg_database WHERE datname = current_database()) || '/'"
    " || (SELECT replace(log_epoch::text, '-', '') FROM fanout_meta)";

constexpr auto kListedSeconds =
    static_cast<std::int32_t>(std::chrono::seconds(RelayRegistry::kListed).count());

RegisteredRelay relay_of(const Rows& rows, int row) {
    RegisteredRelay relay;
    relay.node = base::NodeId::from_raw(rows.bytes(row, 0));
    relay.boot = static_cast<std::uint64_t>(rows.int64(row, 1));
    relay.address = rows.bytes(row, 2);
    relay.protocol = static_cast<std::uint16_t>(rows.int32(row, 3));
    relay.state = rows.bytes(row, 4);
    // Another transaction may have written itself after this one's clock was read.
    relay.age = std::chrono::milliseconds(std::max<std::int64_t>(0, rows.int64(row, 5)));
    return relay;
}

}  // namespace

struct RelayRegistry::Impl {
    Impl(RegistryOptions the_options, std::string the_cluster)
        : options(std::move(the_options)), cluster(std::move(the_cluster)) {}

    [[nodiscard]] Patience patience(std::chrono::milliseconds time, bool is_last) {
        return {steady_clock::now() + time, [this, is_last] { return cancelled && !is_last; }};
    }

    // Ready for one call, which may still take `options.timeout`.
    Connection& connected(bool is_last = false) {
        if (!connection) {
            postgres::ConnectionOptions wanted;
            wanted.connection = options.connection;
            wanted.application_name = options.application_name;
            wanted.statement_timeout = options.timeout;
            wanted.idle_in_transaction_timeout = options.timeout;
            wanted.statements = kStatements;
            connection =
                std::make_unique<Connection>(wanted, patience(options.connect_timeout, is_last));
            connection->set_patience(patience(options.timeout, is_last));
            forget_the_old();
        }
        connection->set_patience(patience(options.timeout, is_last));
        return *connection;
    }

    void forget_the_old() {
        Parameters parameters;
        parameters.add(std::string_view(cluster));
        connection->begin_pipeline();
        connection->send(kForget, parameters);
        connection->flush_pipeline();
        static_cast<void>(connection->next());
        connection->end_pipeline();
    }

    // What `work` answers, or why the database did not. The connection is kept only while nothing
    // is wrong with it.
    template <class Answer, class Work>
    base::Checked<Answer> attempt(const Work& work) {
        try {
            return work();
        } catch (const DatabaseError& error) {
            connection.reset();
            return base::Refusal{
                base::Errc::store_unavailable,
                fmt::format("the registry of relays in the database: {}", error.what())};
        }
    }

    // constant after construction
    const RegistryOptions options;
    const std::string cluster;

    std::unique_ptr<Connection> connection;  // null: none, or it broke
    std::atomic<bool> cancelled{false};
};

RelayRegistry::RelayRegistry(RegistryOptions options, std::string cluster)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(cluster))) {}

RelayRegistry::~RelayRegistry() = default;

base::Checked<std::vector<RegisteredRelay>> RelayRegistry::announce_and_list(
    const RegisteredRelay& self) {
    using Answer = std::vector<RegisteredRelay>;
    return impl_->attempt<Answer>([&]() -> base::Checked<Answer> {
        Connection& connection = impl_->connected();
        Parameters announce;
        announce.add(std::string_view(impl_->cluster)).add(self.node.view());
        announce.add(static_cast<std::int64_t>(self.boot)).add(std::string_view(self.address));
        announce.add(static_cast<std::int32_t>(self.protocol)).add(std::string_view(self.state));
        announce.add(kListedSeconds);
        Parameters list;
        list.add(std::string_view(impl_->cluster)).add(self.node.view());
        list.add(kListedSeconds).add(static_cast<std::int32_t>(kMaxListed));

        connection.begin_pipeline();
        connection.send(kAnnounce, announce);
        connection.send(kList, list);
        connection.flush_pipeline();
        const bool is_written = connection.next().size() == 1;
        const Rows rows = connection.next();
        connection.end_pipeline();
        if (!is_written) {
            return base::Refusal{
                base::Errc::blocked,
                fmt::format("another relay with the id {} has started later on this database: if "
                            "its data folder is a copy of this one's, remove the node id there",
                            base::to_hex(self.node))};
        }
        Answer others;
        for (int row = 0; row < rows.size(); ++row) others.push_back(relay_of(rows, row));
        return others;
    });
}

std::string RelayRegistry::leave(const base::NodeId& node, std::uint64_t boot) {
    const auto left = impl_->attempt<bool>([&]() -> base::Checked<bool> {
        Connection& connection = impl_->connected(/*is_last=*/true);
        Parameters parameters;
        parameters.add(std::string_view(impl_->cluster)).add(node.view());
        parameters.add(static_cast<std::int64_t>(boot));
        connection.begin_pipeline();
        connection.send(kLeave, parameters);
        connection.flush_pipeline();
        static_cast<void>(connection.next());
        connection.end_pipeline();
        return true;
    });
    return left ? std::string() : left.error().text;
}

base::Checked<std::string> RelayRegistry::log_id() {
    return impl_->attempt<std::string>([&]() -> base::Checked<std::string> {
        return std::string(impl_->connected().execute(kLogId).bytes(0, 0));
    });
}

void RelayRegistry::cancel() noexcept { impl_->cancelled = true; }

}  // namespace parrhesia::store

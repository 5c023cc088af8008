// One link against a peer that a script plays: what the handshake refuses, and what it costs.
#include "mesh/link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace parrhesia::mesh {
namespace {

using namespace std::chrono_literals;
using protocol::Lane;
using protocol::PeerErrorCode;
using protocol::PeerFrameType;
using testing::HasSubstr;

SharedKey key_of(std::uint8_t byte) {
    std::array<std::uint8_t, 32> secret{};
    secret.fill(byte);
    return SharedKey::derive(secret);
}

base::NodeId node_of(std::uint8_t byte) {
    base::NodeId node;
    node.bytes.fill(byte);
    return node;
}

struct Recorder final : LinkListener {
    std::optional<protocol::PeerError> admit(Link&, const protocol::Hello&) override {
        ++asked;
        return refusal;
    }
    void on_up(Link&) override { ++ups; }
    void on_peers(Link&, const std::vector<protocol::ListedPeer>& list) override { peers = list; }
    void on_heartbeat(Link&, const protocol::Heartbeat&) override { ++heartbeats; }
    void on_batch(Link& link, Lane lane, const protocol::EventBatch& batch,
                  std::size_t bytes) override {
        events += batch.events.size();
        if (acknowledges) link.acknowledge(lane, batch.events.size(), bytes);
    }
    void on_gap(Link&, Lane, const protocol::Gap& gap) override { gaps.push_back(gap); }
    void on_left(Link&) override { ++lefts; }
    void on_output(Link&) override { woken = true; }

    std::optional<protocol::PeerError> refusal;
    bool woken = false;
    int asked = 0;
    int ups = 0;
    int heartbeats = 0;
    int lefts = 0;
    std::size_t events = 0;
    bool acknowledges = true;
    std::vector<protocol::ListedPeer> peers;
    std::vector<protocol::Gap> gaps;
};

// Both ends of a connection, each a real link.
class LinkTest : public testing::Test {
  protected:
    LinkTest() {
        for (auto* options : {&ours_, &theirs_}) {
            options->keyring = &keyring_;
            options->self.cluster = "test";
            options->self.log_id = "log";
            options->self.boot = 1;
        }
        ours_.self.node = node_of(1);
        theirs_.self.node = node_of(2);
    }

    void connect() {
        protocol::Nonce nonce;
        nonce.bytes.fill(1);
        dialler_.emplace(1, Link::Side::dialler, ours_, channel_, nonce, now_, at_dialler_);
        nonce.bytes.fill(2);
        acceptor_.emplace(1, Link::Side::acceptor, theirs_, their_channel_, nonce, now_,
                          at_acceptor_);
        dialler_->start();
    }
    // What the one has to say goes to the other, changed on its way if so wished. As a transport
    // does it: asked for when the link has said so, and until there is nothing more.
    using Change = std::function<void(std::string&)>;
    bool pass(Link& from, Link& to, const Change& change = {}) {
        Recorder& listener = &from == &*dialler_ ? at_dialler_ : at_acceptor_;
        if (!listener.woken) return false;
        std::string bytes;
        from.output(bytes, now_);
        listener.woken = !bytes.empty();
        if (bytes.empty()) return false;
        if (change) change(bytes);
        give(to, bytes);
        return true;
    }
    void give(Link& to, const std::string& bytes) {
        to.on_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, now_);
    }
    void talk() {
        for (int i = 0; i < 100; ++i) {
            const bool there = pass(*dialler_, *acceptor_);
            const bool back = pass(*acceptor_, *dialler_);
            if (!there && !back) return;
        }
        FAIL() << "they never come to an end";
    }
    void expect_up() {
        EXPECT_EQ(dialler_->state(), Link::State::up) << dialler_->detail();
        EXPECT_EQ(acceptor_->state(), Link::State::up) << acceptor_->detail();
    }
    void expect_refused(PeerErrorCode code) {
        connect();
        talk();
        EXPECT_EQ(at_dialler_.ups, 0);
        EXPECT_EQ(at_acceptor_.ups, 0);
        EXPECT_EQ(acceptor_->state(), Link::State::ended);
        EXPECT_EQ(dialler_->state(), Link::State::ended);
        EXPECT_EQ(acceptor_->error_code(), code);
        EXPECT_EQ(dialler_->error_code(), code);
    }
    static std::string frame(PeerFrameType type, std::string_view payload) {
        protocol::PeerFrameWriter writer(false);
        std::string out;
        writer.append(out, type, Lane::control, payload);
        return out;
    }
    static OutgoingPtr event(std::size_t size, Lane lane = Lane::generic,
                             std::uint64_t position = 1, base::SteadyTime at = {}) {
        auto result = std::make_shared<OutgoingEvent>();
        result->bytes = protocol::encode_batched_event(base::Id{}, base::Position{position},
                                                       std::string(size, 'j'));
        result->lane = lane;
        result->position = base::Position{position};
        result->published_at = at;
        return result;
    }

    base::SteadyTime now_{1h};
    Keyring keyring_{key_of(1)};
    LinkOptions ours_;
    LinkOptions theirs_;
    Channel channel_;
    Channel their_channel_;
    Recorder at_dialler_;
    Recorder at_acceptor_;
    std::optional<Link> dialler_;
    std::optional<Link> acceptor_;
};

TEST_F(LinkTest, TwoThatShareAKeyComeUp) {
    connect();
    talk();
    expect_up();
    EXPECT_EQ(at_dialler_.asked + at_acceptor_.asked, 2);
    EXPECT_EQ(dialler_->peer().node, node_of(2));
    EXPECT_EQ(acceptor_->peer().node, node_of(1));
    EXPECT_GE(at_dialler_.heartbeats, 1);
}

TEST_F(LinkTest, BytesMayComeOneByOne) {
    connect();
    for (int i = 0; i < 20; ++i) {
        for (auto [from, to] : {std::pair{&*dialler_, &*acceptor_}, {&*acceptor_, &*dialler_}}) {
            std::string bytes;
            from->output(bytes, now_);
            for (const char byte : bytes) give(*to, std::string(1, byte));
        }
    }
    expect_up();
}

TEST_F(LinkTest, AnotherClusterIsRefused) {
    theirs_.self.cluster = "another";
    expect_refused(PeerErrorCode::bad_cluster);
    EXPECT_THAT(dialler_->detail(), HasSubstr("cluster \"another\""));
}

TEST_F(LinkTest, AnotherDatabaseIsRefused) {
    theirs_.self.log_id = "another";
    expect_refused(PeerErrorCode::bad_log);
}

TEST_F(LinkTest, AnotherTopologyIsRefused) {
    theirs_.self.topology = protocol::Topology::shared;
    expect_refused(PeerErrorCode::bad_log);
}

TEST_F(LinkTest, ARelayThatDialsItselfSeesIt) {
    theirs_.self.node = ours_.self.node;
    expect_refused(PeerErrorCode::self);
}

TEST_F(LinkTest, ACopiedNodeIdIsRefusedWithTheRemedy) {
    theirs_.self.node = ours_.self.node;
    theirs_.self.boot = 2;
    expect_refused(PeerErrorCode::duplicate_node);
    EXPECT_THAT(dialler_->detail(), HasSubstr("remove node_id"));
}

TEST_F(LinkTest, VersionsWithoutACommonOneAreRefused) {
    theirs_.self.protocol_min = 7;
    theirs_.self.protocol_max = 9;
    expect_refused(PeerErrorCode::protocol);
    EXPECT_THAT(dialler_->detail(), HasSubstr("1 to 1 there, 7 to 9 here"));
}

TEST_F(LinkTest, APeerThatReadsNoFullBatchIsRefused) {
    theirs_.self.max_frame = protocol::kLeastMaxFrame - 1;
    connect();
    talk();
    EXPECT_EQ(dialler_->error_code(), PeerErrorCode::protocol);
    EXPECT_THAT(dialler_->detail(), HasSubstr("cluster.max_frame_bytes"));
    EXPECT_EQ(at_dialler_.ups, 0);
}

TEST_F(LinkTest, TheHighestCommonVersionIsUsed) {
    ours_.self.protocol_max = 3;
    theirs_.self.protocol_max = 2;
    connect();
    talk();
    expect_up();
    EXPECT_EQ(dialler_->version(), 2);
    EXPECT_EQ(acceptor_->version(), 2);
}

TEST_F(LinkTest, AnUnknownKeyIsRefused) {
    const Keyring other(key_of(2));
    theirs_.keyring = &other;
    expect_refused(PeerErrorCode::auth);
}

TEST_F(LinkTest, AKeyIsChangedNodeByNode) {
    const Keyring rotating(key_of(2), {key_of(1)});
    const Keyring before(key_of(1), {key_of(2)});
    ours_.keyring = &before;
    theirs_.keyring = &rotating;
    connect();
    talk();
    expect_up();
    ours_.keyring = &rotating;
    theirs_.keyring = &before;
    connect();
    talk();
    expect_up();
}

// Knows the key's name, and not the key.
TEST_F(LinkTest, AWrongProofIsRefused) {
    SharedKey impostor = key_of(2);
    impostor.id = key_of(1).id;
    const Keyring wrong(impostor);
    theirs_.keyring = &wrong;
    connect();
    talk();
    EXPECT_EQ(dialler_->end(), LinkEnd::refused_by_us);
    EXPECT_EQ(dialler_->error_code(), PeerErrorCode::auth);
    EXPECT_EQ(at_dialler_.asked + at_acceptor_.asked, 0);

    ours_.keyring = &wrong;
    theirs_.keyring = &keyring_;
    connect();
    pass(*dialler_, *acceptor_);
    EXPECT_EQ(at_acceptor_.asked, 0);
}

TEST_F(LinkTest, AProofDoesNotMoveToAnotherConnection) {
    their_channel_.exporter.fill(1);  // of another TLS session: somebody stands between
    expect_refused(PeerErrorCode::auth);
}

TEST_F(LinkTest, ACertificateSpeaksForItsOwnNodeOnly) {
    their_channel_.certified = {"relay.example", base::to_hex(node_of(9))};
    expect_refused(PeerErrorCode::auth);
    EXPECT_THAT(dialler_->detail(), HasSubstr("does not name node 0101"));

    their_channel_.certified = {base::to_hex(node_of(1)) + ".relay.example"};
    connect();
    talk();
    expect_up();
}

TEST_F(LinkTest, AReflectedProofIsRefused) {
    connect();
    pass(*dialler_, *acceptor_);
    std::string answer;
    acceptor_->output(answer, now_);
    protocol::PeerFrameReader reader(false);
    reader.append({reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size()});
    const auto read = reader.next();
    ASSERT_TRUE(read);
    const auto ack = protocol::parse_hello_ack(read->payload);
    ASSERT_TRUE(ack);
    // The acceptor's own proof, sent back to it.
    protocol::PeerFrameWriter writer(false);
    std::string out;
    writer.append(out, PeerFrameType::hello, Lane::control, "");
    out.clear();
    writer.append(out, PeerFrameType::auth, Lane::control, protocol::encode_auth(ack->mac));
    give(*acceptor_, out);
    EXPECT_EQ(acceptor_->error_code(), PeerErrorCode::auth);
    EXPECT_EQ(at_acceptor_.ups, 0);
}

TEST_F(LinkTest, ARecordedHandshakeCannotBeReplayed) {
    connect();
    std::vector<std::string> said;
    const Change record = [&said](std::string& bytes) { said.push_back(bytes); };
    for (int i = 0; i < 3; ++i) {
        pass(*dialler_, *acceptor_, record);
        pass(*acceptor_, *dialler_);
    }
    expect_up();
    protocol::Nonce fresh;
    fresh.bytes.fill(9);
    Link again(2, Link::Side::acceptor, theirs_, their_channel_, fresh, now_, at_acceptor_);
    for (const std::string& bytes : said) give(again, bytes);
    EXPECT_EQ(again.state(), Link::State::ended);
    EXPECT_EQ(again.error_code(), PeerErrorCode::auth);
    EXPECT_EQ(at_acceptor_.ups, 1);
}

// Whoever changes a byte of either HELLO on its way, the proofs do not fit.
TEST_F(LinkTest, AChangedHelloIsNoticed) {
    for (const bool of_dialler : {true, false}) {
        bool changed = true;
        for (std::size_t offset = protocol::kPeerHeaderBytes; changed; ++offset) {
            connect();
            const Change flip = [offset, &changed](std::string& bytes) {
                changed = offset < bytes.size();
                if (changed) bytes[offset] = static_cast<char>(bytes[offset] ^ 1);
            };
            pass(*dialler_, *acceptor_, of_dialler ? flip : Change());
            pass(*acceptor_, *dialler_, of_dialler ? Change() : flip);
            talk();
            ASSERT_EQ(at_dialler_.ups + at_acceptor_.ups, changed ? 0 : 2) << offset;
        }
        expect_up();  // nothing was changed in the last round
        at_dialler_ = {};
        at_acceptor_ = {};
    }
}

TEST_F(LinkTest, EventsBeforeTheProofAreNotTaken) {
    connect();
    protocol::BatchHead head;
    head.events = 1;
    std::string payload;
    protocol::append_batch_head(payload, head);
    payload += protocol::encode_batched_event({}, {}, "{}");
    give(*acceptor_, frame(PeerFrameType::event_batch, payload));
    EXPECT_EQ(acceptor_->end(), LinkEnd::protocol_error);
    EXPECT_EQ(at_acceptor_.events, 0U);
    give(*acceptor_, frame(PeerFrameType::event_batch, payload));
    EXPECT_EQ(at_acceptor_.events, 0U);
}

TEST_F(LinkTest, AStrangerMayNotTalkForLong) {
    connect();
    const std::string long_frame(protocol::kHandshakeFrameBytes, '\0');
    give(*acceptor_, frame(PeerFrameType::hello, long_frame));
    EXPECT_EQ(acceptor_->end(), LinkEnd::protocol_error);

    connect();
    now_ += 5001ms;
    acceptor_->on_tick(now_);
    EXPECT_EQ(acceptor_->end(), LinkEnd::handshake_timeout);
}

TEST_F(LinkTest, ARefusalOfTheNodeEndsTheHandshake) {
    at_acceptor_.refusal = protocol::PeerError{PeerErrorCode::duplicate_link, "a better one", 0};
    connect();
    talk();
    EXPECT_EQ(acceptor_->end(), LinkEnd::replaced);
    EXPECT_EQ(dialler_->end(), LinkEnd::replaced);
    EXPECT_EQ(at_dialler_.ups, 0);
}

TEST_F(LinkTest, EventsArriveInBatches) {
    connect();
    talk();
    for (std::uint64_t i = 0; i < 1000; ++i) dialler_->enqueue(event(100, Lane::generic, i));
    talk();
    EXPECT_EQ(at_acceptor_.events, 1000U);
    EXPECT_EQ(dialler_->counters().batches_sent, 4U) << "256 events each";
}

TEST_F(LinkTest, FarAwayPeersGetThemCompressed) {
    ours_.compression = Compression::always;
    for (auto* options : {&ours_, &theirs_}) options->self.features = protocol::kFeatureZstd;
    connect();
    talk();
    for (int i = 0; i < 100; ++i) dialler_->enqueue(event(700));
    talk();
    EXPECT_EQ(at_acceptor_.events, 100U);
    EXPECT_LT(acceptor_->counters().bytes_received, 10'000U);
}

TEST_F(LinkTest, WhatThePeerDoesNotReadIsNotSent) {
    theirs_.self.max_frame = 200'000;
    connect();
    talk();
    dialler_->enqueue(event(200'000));
    dialler_->enqueue(event(190'000));
    for (int i = 0; i < 500; ++i) dialler_->enqueue(event(700));
    talk();
    expect_up();
    EXPECT_EQ(at_acceptor_.events, 501U);
    EXPECT_EQ(dialler_->counters().too_large, 1U);
}

TEST_F(LinkTest, AFullLaneIsAGapThatThePeerHearsOf) {
    ours_.lanes[2] = {10'000, 1000, {}};
    connect();
    talk();
    for (std::uint64_t i = 1; i <= 20; ++i) dialler_->enqueue(event(1000, Lane::generic, i));
    dialler_->enqueue(event(1000, Lane::marmot, 99));
    talk();
    ASSERT_EQ(at_acceptor_.gaps.size(), 1U);
    EXPECT_EQ(at_acceptor_.gaps[0].dropped, 20U);
    EXPECT_EQ(at_acceptor_.gaps[0].first.seq, 1U);
    EXPECT_EQ(at_acceptor_.gaps[0].last.seq, 20U);
    EXPECT_EQ(at_acceptor_.events, 1U) << "the other lane is not touched";
    dialler_->enqueue(event(1000, Lane::generic, 21));
    talk();
    EXPECT_EQ(at_acceptor_.events, 2U) << "and the lane is open again";
}

TEST_F(LinkTest, WhatAReplacedLinkStillHadToSayIsSaidByTheNext) {
    ours_.lanes[2].bytes = 1000;
    connect();
    talk();
    for (std::uint64_t i = 1; i <= 20; ++i) {
        dialler_->enqueue(event(200, Lane::generic, i));
        dialler_->enqueue(event(200, Lane::marmot, i));
    }
    const Unsent unsent = dialler_->take_waiting();
    connect();
    talk();
    dialler_->resume(unsent);
    dialler_->enqueue(event(200, Lane::generic, 21));
    talk();
    EXPECT_EQ(at_acceptor_.events, 21U);
    ASSERT_EQ(at_acceptor_.gaps.size(), 1U);
    EXPECT_EQ(at_acceptor_.gaps[0].dropped, 20U);
}

// Both find out in their own time that there is a better link.
TEST_F(LinkTest, AReplacedLinkIsReadUntilThePeersLastWord) {
    connect();
    talk();
    const protocol::PeerError better{PeerErrorCode::duplicate_link, "a better link", 0};
    dialler_->refuse(LinkEnd::replaced, better);
    std::string last_word;
    dialler_->output(last_word, now_);
    EXPECT_FALSE(dialler_->is_done()) << "its end would take what the peer has written with it";

    acceptor_->enqueue(event(200));
    std::string written;
    acceptor_->output(written, now_);
    acceptor_->refuse(LinkEnd::replaced, better);
    acceptor_->output(written, now_);
    give(*dialler_, written);
    EXPECT_EQ(at_dialler_.events, 1U);
    EXPECT_TRUE(dialler_->is_done());
    give(*acceptor_, last_word);
    EXPECT_TRUE(acceptor_->is_done());
}

TEST_F(LinkTest, EphemeralEventsGiveWayToNewerOnesAndExpire) {
    ours_.lanes[3] = {10'000, 1000, 5000ms};
    connect();
    talk();
    for (std::uint64_t i = 1; i <= 20; ++i) {
        dialler_->enqueue(event(1000, Lane::ephemeral, 0, now_));
    }
    EXPECT_LE(dialler_->lane(Lane::ephemeral).bytes(), 10'000U);
    EXPECT_EQ(dialler_->lane(Lane::ephemeral).drops().overflow, 11U);
    now_ += 5001ms;
    dialler_->enqueue(event(1000, Lane::ephemeral, 0, now_));
    talk();
    EXPECT_EQ(at_acceptor_.events, 1U);
    EXPECT_EQ(dialler_->lane(Lane::ephemeral).drops().expired, 8U) << "and one more gave way";
}

TEST_F(LinkTest, AFloodInOneLaneDoesNotHoldUpTheOthers) {
    connect();
    talk();
    for (int i = 0; i < 20'000; ++i) dialler_->enqueue(event(700, Lane::generic));
    dialler_->enqueue(event(700, Lane::marmot));
    now_ += 1s;
    std::string first;
    dialler_->output(first, now_);
    EXPECT_EQ(dialler_->lane(Lane::marmot).size(), 0U) << "it is in the first piece";
    EXPECT_LT(first.size(), 256U * 1024);
}

TEST_F(LinkTest, AnAckOfWhatWasNeverSentIsRefused) {
    connect();
    talk();
    acceptor_->acknowledge(Lane::generic, 5, 5000);
    talk();
    EXPECT_EQ(dialler_->end(), LinkEnd::protocol_error);
}

TEST_F(LinkTest, SilenceIsSuspectAndThenTheEnd) {
    connect();
    talk();
    now_ += 3001ms;
    dialler_->on_tick(now_);
    EXPECT_TRUE(dialler_->is_suspect());
    EXPECT_EQ(dialler_->state(), Link::State::up);
    now_ += 3000ms;
    dialler_->on_tick(now_);
    EXPECT_EQ(dialler_->end(), LinkEnd::silent);
}

TEST_F(LinkTest, TheRoundTripIsMeasuredWithoutAnybodysClock) {
    connect();
    talk();
    for (int i = 0; i < 30; ++i) {
        std::string bytes;
        dialler_->on_tick(now_);
        dialler_->output(bytes, now_);
        now_ += 20ms;
        give(*acceptor_, bytes);
        now_ += 300ms;  // it is held there
        bytes.clear();
        acceptor_->on_tick(now_);
        acceptor_->output(bytes, now_);
        now_ += 20ms;
        give(*dialler_, bytes);
        now_ += 660ms;
    }
    EXPECT_NEAR(static_cast<double>(dialler_->round_trip().count()), 40'000.0, 4'000.0);
}

TEST_F(LinkTest, GoodbyeLeavesNothingBehind) {
    ours_.window = 64 * 1024;  // so that the rest must wait for acknowledgements
    connect();
    talk();
    for (int i = 0; i < 500; ++i) dialler_->enqueue(event(700));
    dialler_->send_goodbye(protocol::GoodbyeReason::shutdown, 1s);
    EXPECT_FALSE(dialler_->is_done());
    talk();
    EXPECT_EQ(at_acceptor_.events, 500U);
    EXPECT_EQ(at_acceptor_.lefts, 1);
    EXPECT_EQ(acceptor_->end(), LinkEnd::left);
    EXPECT_TRUE(dialler_->is_done());
}

}  // namespace
}  // namespace parrhesia::mesh

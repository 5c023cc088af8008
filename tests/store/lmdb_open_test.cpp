// Opening the embedded store: what is refused, with which words, and what is not.
#include "store/lmdb/store.hpp"
#include "store/lmdb_testing.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <array>

namespace parrhesia::test {
namespace {

using store::lmdb::Environment;
using LmdbOpenTest = LmdbTest;

[[nodiscard]] bool mentions(const std::string& text, std::string_view word) {
    return text.find(word) != std::string::npos;
}

void write_file(const std::filesystem::path& path, std::string_view bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Runs `change` in a transaction on the raw file.
template <class Change>
void change_file(const std::filesystem::path& path, Change&& change) {
    MDB_env* env = nullptr;
    MDB_txn* txn = nullptr;
    ASSERT_EQ(mdb_env_create(&env), 0);
    ASSERT_EQ(mdb_env_set_maxdbs(env, 16), 0);
    ASSERT_EQ(mdb_env_set_mapsize(env, 8 << 20), 0);
    ASSERT_EQ(mdb_env_open(env, path.c_str(), 0, 0600), 0);
    ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
    change(txn);
    ASSERT_EQ(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

// LMDB: MDB_CREATE has the value of MDB_NOMETASYNC, and given to mdb_env_open() it takes durability
// away.
TEST_F(LmdbOpenTest, EveryCommitIsSynced) {
    Environment environment(options());
    unsigned flags = 0;

    ASSERT_EQ(mdb_env_get_flags(environment.handle(), &flags), 0);

    EXPECT_EQ(flags & (MDB_NOSYNC | MDB_NOMETASYNC | MDB_MAPASYNC | MDB_WRITEMAP), 0U);
    EXPECT_NE(flags & MDB_NOTLS, 0U);
}

TEST_F(LmdbOpenTest, MakesTheFolderForItsUserOnly) {
    (void)open();
    struct stat status {};

    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U);
    ASSERT_EQ(::stat(data_file().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_FALSE(std::filesystem::exists(path() / ".creating"));
}

TEST_F(LmdbOpenTest, ARemainderOfACreationThatWasCutShortIsNoHindrance) {
    std::filesystem::create_directories(path() / ".creating");
    write_file(path() / ".creating" / "data.mdb", "half");

    EXPECT_EQ(put(*open(), note(1)).status, PutStatus::stored);
}

TEST_F(LmdbOpenTest, ASecondWriterIsRefusedWithThePidOfTheFirst) {
    const auto first = open();

    const std::string text = refusal_of([&] { (void)open(); });

    EXPECT_TRUE(mentions(text, "process " + std::to_string(::getpid()))) << text;
    EXPECT_TRUE(mentions(text, path().string())) << text;
    EXPECT_TRUE(mentions(text, "store.path")) << text;
}

TEST_F(LmdbOpenTest, TheLockGoesWithItsProcess) {
    ASSERT_EQ(in_child([&] {
                  (void)open().release();  // never closed
                  return 0;
              }),
              0);

    EXPECT_EQ(refusal_of([&] { (void)open(); }), "");
}

TEST_F(LmdbOpenTest, ReadersWorkBesideAWritingProcess) {
    const auto store = open();
    ASSERT_EQ(put(*store, note(1)).status, PutStatus::stored);
    std::array<int, 2> ready{};
    std::array<int, 2> go{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    ASSERT_EQ(::pipe(go.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        // A child of fork() may not use the parent's environment; it opens its own.
        const auto reader = store::open_lmdb_store(read_only());
        char byte = 0;
        bool good = query(*reader, Filter{}).size() == 1;
        good = good && reader->writable() == base::error_code(Errc::store_not_writable);
        good = good && put(*reader, note(5)).status == PutStatus::failed;
        (void)!::write(ready[1], "r", 1);
        (void)!::read(go[0], &byte, 1);
        // By now the writer has made the map several times larger.
        good = good && query(*reader, Filter{}).size() == 501;
        ::_exit(good ? 0 : 1);
    }
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    std::vector<EventPtr> many;
    for (int i = 0; i < 500; ++i) {
        many.push_back(note(i, 1, {{"r", std::string(9000, 'x')}}));
    }
    for (const PutResult& result : put_all(*store, many)) {
        ASSERT_EQ(result.status, PutStatus::stored);
    }
    ASSERT_EQ(::write(go[1], "g", 1), 1);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    for (const int descriptor : {ready[0], ready[1], go[0], go[1]}) ::close(descriptor);
}

TEST_F(LmdbOpenTest, ReadingNeedsAStoreThatIsThere) {
    const std::string text = refusal_of([&] { (void)store::open_lmdb_store(read_only()); });

    EXPECT_TRUE(mentions(text, "no store")) << text;
    EXPECT_TRUE(mentions(text, path().string())) << text;
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(LmdbOpenTest, AnLmdbFileOfAnotherProgramIsRefused) {
    std::filesystem::create_directories(path());
    change_file(path(), [](MDB_txn* txn) {
        MDB_dbi database = 0;
        EXPECT_EQ(mdb_dbi_open(txn, "somebody_elses", MDB_CREATE, &database), 0);
    });

    const std::string text = refusal_of([&] { (void)open(); });

    EXPECT_TRUE(mentions(text, "not of Parrhesia")) << text;
    EXPECT_TRUE(mentions(text, "store.path")) << text;
}

TEST_F(LmdbOpenTest, AMetaDatabaseOfAnotherProgramIsRefused) {
    std::filesystem::create_directories(path());
    change_file(path(), [](MDB_txn* txn) {
        MDB_dbi database = 0;
        EXPECT_EQ(mdb_dbi_open(txn, "meta", MDB_CREATE, &database), 0);
    });

    EXPECT_TRUE(mentions(refusal_of([&] { (void)open(); }), "not of Parrhesia"));
}

TEST_F(LmdbOpenTest, ANewerFormatIsRefused) {
    (void)open();
    change_file(path(), [](MDB_txn* txn) {
        MDB_dbi database = 0;
        ASSERT_EQ(mdb_dbi_open(txn, "meta", 0, &database), 0);
        std::string format = std::string(store::lmdb::kFormatName) + std::string("\x00\x02", 2);
        std::string key = "format";
        MDB_val key_value{key.size(), key.data()};
        MDB_val data{format.size(), format.data()};
        ASSERT_EQ(mdb_put(txn, database, &key_value, &data, 0), 0);
    });

    const std::string text = refusal_of([&] { (void)open(); });

    EXPECT_TRUE(mentions(text, "format 2")) << text;
    EXPECT_TRUE(mentions(text, "reads format 1")) << text;
    EXPECT_TRUE(mentions(text, "export")) << text;
}

TEST_F(LmdbOpenTest, AMissingIndexIsDamage) {
    (void)open();
    change_file(path(), [](MDB_txn* txn) {
        MDB_dbi database = 0;
        ASSERT_EQ(mdb_dbi_open(txn, "author", 0, &database), 0);
        ASSERT_EQ(mdb_drop(txn, database, 1), 0);
    });

    const std::string text = refusal_of([&] { (void)open(); });

    EXPECT_TRUE(mentions(text, "damaged")) << text;
    EXPECT_TRUE(mentions(text, "backup")) << text;
}

TEST_F(LmdbOpenTest, GarbageAndEmptyFilesAreRefused) {
    std::filesystem::create_directories(path());
    for (const std::string& bytes :
         {std::string(), std::string("x"), std::string(100'000, '\xAB'), std::string(8192, '\0')}) {
        write_file(data_file(), bytes);
        const std::string text = refusal_of([&] { (void)open(); });
        EXPECT_TRUE(mentions(text, data_file().string())) << bytes.size() << ": " << text;
        EXPECT_TRUE(mentions(text, "Restore a backup")) << bytes.size() << ": " << text;
    }
}

TEST_F(LmdbOpenTest, ATruncatedFileIsRefusedAndLeftAsItIs) {
    {
        const auto store = open();
        std::vector<EventPtr> events;
        for (int i = 0; i < 200; ++i) events.push_back(note(i));
        ASSERT_EQ(put_all(*store, events).back().status, PutStatus::stored);
    }
    const auto whole = std::filesystem::file_size(data_file());
    for (const auto size : {whole - 1, whole - 4096, whole / 2, std::uintmax_t{8192}}) {
        std::filesystem::resize_file(data_file(), size);

        const std::string text = refusal_of([&] { (void)open(); });

        EXPECT_TRUE(mentions(text, "truncated")) << size << ": " << text;
        EXPECT_TRUE(mentions(text, "backup")) << text;
        EXPECT_EQ(std::filesystem::file_size(data_file()), size);
    }
}

// LMDB does not write a last page that was used and freed in one transaction: a crash right after
// such a commit leaves a file that is shorter than its last page, and whole.
TEST_F(LmdbOpenTest, AFileThatLacksOnlyFreePagesIsWhole) {
    (void)open();
    const auto change_junk = [&](std::string key, std::size_t bytes) {
        change_file(path(), [&](MDB_txn* txn) {
            MDB_dbi database = 0;
            ASSERT_EQ(mdb_dbi_open(txn, "junk", MDB_CREATE, &database), 0);
            std::string value(bytes, 'v');
            MDB_val key_value{key.size(), key.data()};
            MDB_val data{value.size(), value.data()};
            ASSERT_EQ(mdb_put(txn, database, &key_value, &data, 0), 0);
        });
    };
    // The room of the first big value takes all later pages; that of the second ends up free and
    // last.
    change_junk("first", 200'000);
    change_junk("second", 200'000);
    change_junk("first", 1);
    for (std::size_t i = 0; i < 4; ++i) change_junk("other", i);
    change_junk("second", 1);
    for (std::size_t i = 0; i < 4; ++i) change_junk("other", i);
    const auto size = std::filesystem::file_size(data_file());

    std::filesystem::resize_file(data_file(), size - 10'000);

    EXPECT_EQ(put(*open(), note(1)).status, PutStatus::stored);
    EXPECT_GE(std::filesystem::file_size(data_file()), size);
    expect_whole();
}

TEST_F(LmdbOpenTest, AFolderWithoutWriteRightsIsServedForReading) {
    {
        const auto store = open();
        ASSERT_EQ(put(*store, note(1)).status, PutStatus::stored);
    }
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
    std::filesystem::permissions(path(), std::filesystem::perms(0555));
    for (const auto& entry : std::filesystem::directory_iterator(path())) {
        std::filesystem::permissions(entry.path(), std::filesystem::perms(0444));
    }

    const int status = in_child([&] {
        // Root may write anywhere.
        if (::getuid() == 0 && ::setuid(65534) != 0) return 9;
        const auto store = open();
        if (query(*store, Filter{}).size() != 1) return 1;
        if (store->writable() != base::error_code(Errc::store_not_writable)) return 2;
        const PutResult result = put(*store, note(2));
        if (result.status != PutStatus::failed) return 3;
        if (result.error != base::error_code(Errc::store_not_writable)) return 4;
        return 0;
    });

    std::filesystem::permissions(path(), std::filesystem::perms(0755));
    EXPECT_EQ(status, 0);
}

TEST_F(LmdbOpenTest, AFolderThatGetsItsRightsBackIsWrittenAgain) {
    using std::filesystem::permissions;
    using std::filesystem::perms;
    if (::getuid() == 0) permissions(folder.path(), perms(0777));
    const int status = in_child([&] {
        if (::getuid() == 0 && ::setuid(65534) != 0) return 90;
        // First with a place in the table of readers, then without one.
        for (const char* readers_file : {"", store::lmdb::kReadersFile}) {
            (void)open();
            permissions(path(), perms(0555));
            permissions(path() / store::lmdb::kLockFile, perms(0444));
            if (*readers_file != 0) permissions(path() / readers_file, perms(0444));
            const auto store = open();
            const std::size_t before = query(*store, Filter{}).size();
            if (put(*store, note(1)).status != PutStatus::failed) return 1;
            if (put(*store, note(2)).status != PutStatus::failed) return 2;
            if (*readers_file != 0) permissions(path() / readers_file, perms(0600));
            permissions(path() / store::lmdb::kLockFile, perms(0600));
            permissions(path(), perms(0700));
            if (put(*store, note(3)).status != PutStatus::stored) return 3;
            if (store->writable()) return 4;
            if (query(*store, Filter{}).size() != before + 1) return 5;
        }
        return 0;
    });
    EXPECT_EQ(status, 0);
}

TEST_F(LmdbOpenTest, AFolderThatCannotBeMadeIsRefusedByName) {
    write_file(folder.path() / "file", "");
    LmdbOptions wrong = options();
    wrong.path = folder.path() / "file" / "store";

    const std::string text = refusal_of([&] { (void)store::open_lmdb_store(wrong); });

    EXPECT_TRUE(mentions(text, wrong.path.string())) << text;
    EXPECT_TRUE(mentions(text, "store.path")) << text;
}

}  // namespace
}  // namespace parrhesia::test

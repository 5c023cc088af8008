#include "net/http.hpp"

#include <boost/beast/http/field.hpp>
#include <gtest/gtest.h>

namespace parrhesia::net {
namespace {

namespace http = boost::beast::http;

const Site kSite{R"({"name":"test"})", "<p>hello</p>"};

HttpRequest request(http::verb method, const char* target, const char* accept = nullptr) {
    HttpRequest result{method, target, 11};
    if (accept != nullptr) result.set(http::field::accept, accept);
    return result;
}

void expect_cors(const HttpResponse& response) {
    EXPECT_EQ(response[http::field::access_control_allow_origin], "*");
    EXPECT_NE(response[http::field::access_control_allow_headers].find("Authorization"),
              std::string::npos);
    EXPECT_NE(response[http::field::access_control_allow_methods].find("POST"), std::string::npos);
}

TEST(Http, RelayInformationIsServedWhenTheAcceptListNamesIt) {
    for (const char* accept : {"application/nostr+json", "text/html, application/nostr+json;q=0.9",
                               "APPLICATION/NOSTR+JSON ", "*/*,application/nostr+json"}) {
        const auto response = answer(request(http::verb::get, "/", accept), kSite);
        EXPECT_EQ(response.result_int(), 200U) << accept;
        EXPECT_EQ(response[http::field::content_type], "application/nostr+json") << accept;
        EXPECT_EQ(response.body(), kSite.information_json);
        expect_cors(response);
    }
}

TEST(Http, BrowsersGetThePage) {
    for (const char* accept : {"text/html,*/*;q=0.8", "", "application/nostr+jsonp", ",,;,"}) {
        const auto response = answer(request(http::verb::get, "/?x=1", accept), kSite);
        EXPECT_EQ(response.body(), kSite.landing_page) << accept;
    }
}

TEST(Http, AcceptListMayComeInSeveralLines) {
    auto asked = request(http::verb::get, "/", "text/html");
    asked.insert(http::field::accept, "application/nostr+json");
    EXPECT_EQ(answer(asked, kSite).body(), kSite.information_json);
}

TEST(Http, TypeOfQualityZeroIsNotWanted) {
    for (const char* accept : {"application/nostr+json;q=0", "application/nostr+json; Q=0.000, */*",
                               "text/html, application/nostr+json ;charset=utf-8; q=0.0"}) {
        EXPECT_FALSE(accepts_relay_information(accept)) << accept;
    }
    for (const char* accept :
         {"application/nostr+json;q=0.001", "application/nostr+json;q=1", "application/nostr+json;",
          "application/nostr+json;q", "text/html;q=0, application/nostr+json"}) {
        EXPECT_TRUE(accepts_relay_information(accept)) << accept;
    }
}

// One address with two documents: a cache in between must not mix them up.
TEST(Http, CachesAreToldThatTheAnswerDependsOnAccept) {
    for (const char* accept : {"application/nostr+json", "text/html"}) {
        EXPECT_EQ(answer(request(http::verb::get, "/", accept), kSite)[http::field::vary],
                  "Accept");
    }
}

TEST(Http, PreflightOfTheManagementApiIsAllowed) {
    auto asked = request(http::verb::options, "/");
    asked.set(http::field::origin, "https://client.example");
    asked.set(http::field::access_control_request_method, "POST");
    asked.set(http::field::access_control_request_headers, "authorization, content-type");
    const auto response = answer(asked, kSite);
    EXPECT_EQ(response.result_int() / 100, 2U);
    EXPECT_TRUE(response.body().empty());
    const auto allowed = response[http::field::access_control_allow_headers];
    for (const char* name : {"Accept", "Authorization", "Content-Type"}) {
        EXPECT_NE(allowed.find(name), std::string::npos) << name;
    }
    EXPECT_EQ(response[http::field::access_control_max_age], "86400");
    expect_cors(response);
}

// A browser shows a refusal to its page only when that has them, too.
TEST(Http, RefusalsHaveTheCorsHeaders) {
    expect_cors(answer(request(http::verb::post, "/"), kSite));
    expect_cors(answer(request(http::verb::get, "/", "text/html"), kSite));
}

TEST(Http, OnlyOneEndpointExists) {
    for (const char* target : {"/x", "//", "/relay?/", "*"}) {
        EXPECT_EQ(
            answer(request(http::verb::get, target, "application/nostr+json"), kSite).result_int(),
            404U)
            << target;
    }
}

TEST(Http, OptionsAnswersThePreflight) {
    const auto response = answer(request(http::verb::options, "/"), kSite);
    EXPECT_EQ(response.result_int(), 204U);
    expect_cors(response);
}

TEST(Http, HeadHasTheLengthAndNoBody) {
    const auto response = answer(request(http::verb::head, "/"), kSite);
    EXPECT_TRUE(response.body().empty());
    EXPECT_EQ(response[http::field::content_length], std::to_string(kSite.landing_page.size()));
}

TEST(Http, OtherMethodsAreRefusedWithTheOnesThatWork) {
    const auto response = answer(request(http::verb::delete_, "/"), kSite);
    EXPECT_EQ(response.result_int(), 405U);
    EXPECT_NE(response[http::field::allow].find("GET"), std::string::npos);
}

}  // namespace
}  // namespace parrhesia::net

// Package realtest tries the built program on what the world really sends it.
//
// Its tests start the server as a process of its own and talk to it over HTTP,
// as a user would. Real input is three projects that others wrote, fetched from
// their registries: a bug is planted in each, a scripted model mends it with the
// real tools, and everything the platform claims about the result is checked a
// second time without the platform. Bad input is the sources that users get wrong
// and attackers get right: each has a clear answer, and nothing but the delivered
// branch is changed.
//
// A test that wants a package client or a registry which is not there is skipped
// and says why, unless AUTONOMA_TEST_REQUIRE is 1.
//
// The package has no code but tests, and holds nothing that others can use.
package realtest

package sandbox

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// A promise is what a level says holds for every command that runs at it, in the
// words of SECURITY.md.
type promise string

// The promises. What is not promised at a level is not tried there.
const (
	hostFiles     promise = "Files of the host that it was not given are out of its sight"
	readOnlyRest  promise = "It writes nowhere but to its workspace, its home and what vanishes with it"
	hostProcesses promise = "Processes of the host can be neither seen nor reached"
	noNetwork     promise = "There is no network: no loopback of the host, no neighbour, no metadata, no DNS"
	pathSockets   promise = "Sockets of the host that have a path are out of reach"
	namedSockets  promise = "Abstract sockets of the host are out of reach"
	noPrivileges  promise = "It has no privileges and no way to any, in a user namespace neither"
	fewCalls      promise = "System calls that reach deep into the kernel are refused"
	closedStage   promise = "The process that confines it is closed to it"
	plainFiles    promise = "It makes no device and no set-user-ID or immutable file"
	limited       promise = "Time, memory, processes and the size of a file are limited"
	limitedTmp    promise = "What vanishes with it is limited in size"
	cleanEnd      promise = "Nothing that it started outlives it, or the server"
	ownFiles      promise = "What it writes belongs to the server"
	nobodyAtAll   promise = "To the host it is nobody, even if the server is root"
)

// kept is the table of promises: which levels keep them. SECURITY.md shows the same.
func kept() []struct {
	promise promise
	by      []Level
} {
	return []struct {
		promise promise
		by      []Level
	}{
		{hostFiles, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock}},
		{readOnlyRest, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock}},
		{hostProcesses, []Level{GVisor, Namespaces, Bubblewrap, Container}},
		{noNetwork, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock}},
		{pathSockets, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock}},
		{namedSockets, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock}},
		{noPrivileges, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock}},
		{fewCalls, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock}},
		{closedStage, []Level{Namespaces, Bubblewrap, Container, Landlock}},
		{plainFiles, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock}},
		{limited, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock, None}},
		{limitedTmp, []Level{GVisor, Namespaces, Bubblewrap, Container}},
		{cleanEnd, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock, None}},
		{ownFiles, []Level{GVisor, Namespaces, Bubblewrap, Container, Landlock, None}},
		{nobodyAtAll, []Level{Namespaces}},
	}
}

// promised runs f with a sandbox of each of the levels that keep p.
func promised(t *testing.T, p promise, f func(t *testing.T, s Sandbox)) {
	t.Helper()
	for _, k := range kept() {
		if k.promise == p {
			level(t, k.by, f)
			return
		}
	}
	t.Fatalf("nobody keeps %q", p)
}

// SECURITY.md promises what the tests hold the levels to, no more and no less.
func TestPromisesAreThoseOfTheDocument(t *testing.T) {
	if os.Getenv(inner) != "" {
		return // it runs where the sources are not
	}
	b, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(b), "| A command at this level |")
	if !found {
		t.Fatal("SECURITY.md has no table of promises")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	columns := cells(rows[0])
	written := map[promise][]Level{}
	for _, row := range rows[2:] {
		c := cells(row)
		p := promise(c[0])
		written[p] = nil
		for i, level := range columns {
			if strings.HasPrefix(c[i+1], "yes") {
				written[p] = append(written[p], Level(level))
			}
		}
	}
	for _, k := range kept() {
		got, ok := written[k.promise]
		if slices.Sort(got); !ok || !slices.Equal(got, slices.Sorted(slices.Values(k.by))) {
			t.Errorf("%s: SECURITY.md says %v, the tests hold %v to it", k.promise, got, k.by)
		}
		delete(written, k.promise)
	}
	for p := range written {
		t.Errorf("SECURITY.md promises what is not tested: %s", p)
	}
}

// cells returns the cells of a row of a table.
func cells(row string) []string {
	c := strings.Split(strings.Trim(strings.TrimSpace(row), "|"), "|")
	for i := range c {
		c[i] = strings.TrimSpace(c[i])
	}
	return c
}

package wire

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

type heard struct{ Name, Data string }

func read(r io.Reader) (all []heard, err error) {
	for e, err := range Events(r) {
		if err != nil {
			return all, err
		}
		all = append(all, heard{e.Name, string(e.Data)})
	}
	return all, nil
}

func TestEvents(t *testing.T) {
	for _, tt := range []struct {
		name, stream string
		want         []heard
	}{
		{"nothing", "", nil},
		{"one", "data: a\n\n", []heard{{"", "a"}}},
		{"named", "event: x\ndata: a\n\n", []heard{{"x", "a"}}},
		{"a name lasts one event", "event: x\ndata: a\n\ndata: b\n\n", []heard{{"x", "a"}, {"", "b"}}},
		{"no space after the colon", "data:a\n\n", []heard{{"", "a"}}},
		{"only the first space goes", "data:  a\n\n", []heard{{"", " a"}}},
		{"CR LF", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []heard{{"x", "a"}, {"", "b"}}},
		{"CR alone", "data: a\r\rdata: b\r\r", []heard{{"", "a"}, {"", "b"}}},
		{"several lines of data", "data: a\ndata\ndata: b\n\n", []heard{{"", "a\n\nb"}}},
		{"empty data is an event", "data:\n\n", []heard{{"", ""}}},
		{"comments and other fields", ": hi\nid: 7\nretry: 3\nfoo: bar\ndata: a\n\n", []heard{{"", "a"}}},
		{"a name without data is no event", "event: x\n\ndata: a\n\n", []heard{{"", "a"}}},
		{"byte order mark", "\xef\xbb\xbfdata: a\n\n", []heard{{"", "a"}}},
		{"the end cuts off the last", "data: a\n\ndata: b\n", []heard{{"", "a"}}},
		{"the end cuts off a line", "data: a\n\ndata: b", []heard{{"", "a"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for how, r := range map[string]io.Reader{
				"at once":      strings.NewReader(tt.stream),
				"byte by byte": iotest.OneByteReader(strings.NewReader(tt.stream)),
			} {
				got, err := read(r)
				if err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s: %q, %v; want %q", how, got, err, tt.want)
				}
			}
		})
	}
}

func TestEventsDoNotWaitForLFAfterCR(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	go w.Write([]byte("data: a\r\r"))
	for e, err := range Events(r) {
		if err != nil || string(e.Data) != "a" {
			t.Errorf("got %q, %v", e.Data, err)
		}
		return
	}
}

func TestEventsAreBounded(t *testing.T) {
	long := strings.NewReader("data: " + strings.Repeat("x", maxEvent+1) + "\n\n")
	if _, err := read(long); !errors.Is(err, errTooBig) {
		t.Errorf("one long line: %v", err)
	}
	many := strings.NewReader(strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 17))
	if _, err := read(many); !errors.Is(err, errTooBig) {
		t.Errorf("many lines: %v", err)
	}
}

func TestEventsReportAFailure(t *testing.T) {
	broken := errors.New("broken")
	got, err := read(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || len(got) != 1 {
		t.Errorf("got %q, %v", got, err)
	}
}

// FuzzEvents checks that how a stream is cut into reads changes nothing, and
// that what a reader yields can be written and read again.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{"data: a\n\n", "event: x\r\ndata: a\r\rdata: b\n\n", "data\r\n\r\n:\n\xef\xbb\xbf", "\r\n\r\rdata:x\n\n\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		whole, err := read(strings.NewReader(stream))
		if err != nil {
			t.Fatal(err)
		}
		bits, err := read(iotest.OneByteReader(strings.NewReader(stream)))
		if err != nil || !reflect.DeepEqual(whole, bits) {
			t.Fatalf("at once %q, byte by byte %q, %v", whole, bits, err)
		}
		var again strings.Builder
		for _, e := range whole {
			again.WriteString("event: " + e.Name + "\n")
			for line := range strings.SplitSeq(e.Data, "\n") {
				again.WriteString("data: " + line + "\n")
			}
			again.WriteString("\n")
		}
		if back, err := read(strings.NewReader(again.String())); err != nil || !reflect.DeepEqual(whole, back) {
			t.Fatalf("%q came back as %q, %v", whole, back, err)
		}
	})
}

package egress

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// helloFor returns what a client says first, by Go's TLS.
func helloFor(t testing.TB, name string) []byte {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	go tls.Client(there, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
	head := make([]byte, 5)
	if _, err := io.ReadFull(here, head); err != nil {
		t.Fatal(err)
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(here, body); err != nil {
		t.Fatal(err)
	}
	return append(head, body...)
}

// extended adds an extension to a ClientHello.
func extended(hello []byte, kind int, data string) []byte {
	record := bytes.Clone(hello)
	ext := append([]byte{byte(kind >> 8), byte(kind), byte(len(data) >> 8), byte(len(data))}, data...)
	record = append(record, ext...)
	add := func(at, size int) {
		n := 0
		for i := range size {
			n = n<<8 | int(record[at+i])
		}
		n += len(ext)
		for i := range size {
			record[at+size-1-i] = byte(n >> (8 * i))
		}
	}
	add(3, 2) // the record
	add(6, 3) // the message
	at := 5 + 4 + 2 + 32
	at += 1 + int(record[at])
	at += 2 + int(record[at])<<8 + int(record[at+1])
	at += 1 + int(record[at])
	add(at, 2) // the extensions
	return record
}

// inRecords splits the message of a ClientHello into records of n bytes.
func inRecords(hello []byte, n int) []byte {
	var all []byte
	for message := hello[5:]; len(message) > 0; {
		part := message[:min(n, len(message))]
		all = append(append(all, hello[0], hello[1], hello[2], byte(len(part)>>8), byte(len(part))), part...)
		message = message[len(part):]
	}
	return all
}

func TestReadHello(t *testing.T) {
	hello := helloFor(t, "example.com")
	for name, tt := range map[string]struct {
		said []byte
		want string
		err  error
	}{
		"as it is":        {hello, "example.com", nil},
		"in small pieces": {inRecords(hello, 1), "example.com", nil},
		"without a name":  {helloFor(t, "127.0.0.1"), "", nil},
		"hidden":          {extended(hello, 0xfe0d, "x"), "", errHidden},
		"named twice":     {extended(hello, 0, "\x00\x0b\x00\x00\x08evil.org"), "", errNotTLS},
		"two names":       {extended(helloFor(t, "127.0.0.1"), 0, "\x00\x08\x00\x00\x01a\x00\x00\x01b"), "", errNotTLS},
		"another message": {append([]byte{22, 3, 1, 0, 4}, 2, 0, 0, 0), "", errNotTLS},
		"endless":         {inRecords(append(hello[:5:5], append([]byte{1, 1, 0, 1}, make([]byte, 80<<10)...)...), 1<<14), "", errNotTLS},
		"cut off":         {hello[:len(hello)-1], "", io.ErrUnexpectedEOF},
		"nothing":         {nil, "", io.EOF},
	} {
		raw, got, err := readHello(bytes.NewReader(append(bytes.Clone(tt.said), "more"...)[:len(tt.said)]))
		if got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v; want %q, %v", name, got, err, tt.want, tt.err)
		}
		if err == nil && !bytes.Equal(raw, tt.said) {
			t.Errorf("%s: what is passed on is not what came", name)
		}
	}
}

// errRead stops a handshake of Go's TLS once it has read the ClientHello.
var errRead = errors.New("read")

// spoken is a connection of which only what was said is known.
type spoken struct {
	net.Conn
	said io.Reader
}

func (c spoken) Read(p []byte) (int, error) { return c.said.Read(p) }

func (spoken) Write(p []byte) (int, error) { return len(p), nil }

// goReads returns the name that Go's TLS reads from a ClientHello, and whether it can.
func goReads(said []byte) (name string, ok bool) {
	tls.Server(spoken{said: bytes.NewReader(said)}, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name, ok = h.ServerName, true
		return nil, errRead
	}}).Handshake()
	return name, ok
}

// Whatever we let through, a server reads the same name in it.
func FuzzReadHello(f *testing.F) {
	hello := helloFor(f, "example.com")
	f.Add(hello)
	f.Add(inRecords(hello, 100))
	f.Add(extended(hello, 0xfe0d, "x"))
	f.Add(extended(hello, 0, "\x00\x0b\x00\x00\x08evil.org"))
	f.Add(helloFor(f, "127.0.0.1"))
	f.Fuzz(func(t *testing.T, said []byte) {
		raw, name, err := readHello(bytes.NewReader(said))
		if err != nil {
			return
		}
		if !bytes.HasPrefix(said, raw) {
			t.Fatal("what is passed on is not what came")
		}
		if theirs, ok := goReads(said); ok && !strings.EqualFold(theirs, name) {
			t.Errorf("we read %q, a server %q", name, theirs)
		}
	})
}

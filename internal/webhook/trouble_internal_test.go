package webhook

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// Why an attempt failed is told without the addresses of the server's network.
func TestNoAddressIsTold(t *testing.T) {
	inside := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4}
	reset := &net.OpError{Op: "read", Net: "tcp", Source: inside, Addr: inside, Err: syscall.ECONNRESET}
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&net.DNSError{Err: "no such host", Name: "a.example", Server: "10.1.2.3:53", IsNotFound: true}, "its host does not exist"},
		{&net.DNSError{Err: "server misbehaving", Name: "a.example", Server: "10.1.2.3:53"}, "its host could not be looked up"},
		{reset, "read: connection reset by peer"},
		{&net.OpError{Op: "dial", Net: "tcp", Addr: inside, Err: errors.New("odd 10.1.2.3")}, "dial failed"},
		{errors.Join(reset, reset), "read: connection reset by peer"},
		{errors.New("net/http: HTTP/1.x transport connection broken"), "net/http: HTTP/1.x transport connection broken"},
	} {
		got := problem(0, &url.Error{Op: "Post", URL: "https://a.example", Err: tt.err})
		if got != tt.want || strings.Contains(got, "10.1.2.3") {
			t.Errorf("%v is told as %q, want %q", tt.err, got, tt.want)
		}
	}
}

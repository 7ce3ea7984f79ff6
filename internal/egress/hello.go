package egress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Why a conversation that should be TLS is not let through.
var (
	errNotTLS = errors.New("it does not begin with a ClientHello of TLS")
	errHidden = errors.New("the ClientHello hides which host it wants (Encrypted Client Hello)")
)

// What a ClientHello is made of, see RFC 8446 and 6066.
const (
	recordHandshake   = 22
	recordHeader      = 5
	mostRecord        = 1 << 14
	mostHello         = 64 << 10
	messageHello      = 1
	extensionName     = 0
	extensionHidden   = 0xfe0d
	extensionRequired = 0xffce // what the drafts of the same called it
)

// readHello reads the ClientHello that a client begins with, and returns it as it
// came, with the name of the host that it asks for; empty if it asks for none.
func readHello(r io.Reader) (raw []byte, name string, err error) {
	var message []byte
	for {
		head := make([]byte, recordHeader)
		if _, err := io.ReadFull(r, head); err != nil {
			return nil, "", err
		}
		n := int(binary.BigEndian.Uint16(head[3:]))
		if head[0] != recordHandshake || head[1] != 3 || n == 0 || n > mostRecord || len(raw)+n > mostHello {
			return nil, "", errNotTLS
		}
		body := make([]byte, n)
		if _, err := io.ReadFull(r, body); err != nil {
			return nil, "", err
		}
		raw = append(append(raw, head...), body...)
		message = append(message, body...)
		if message[0] != messageHello {
			return nil, "", errNotTLS
		}
		if len(message) < 4 {
			continue
		}
		size := int(message[1])<<16 | int(message[2])<<8 | int(message[3])
		if size > mostHello {
			return nil, "", errNotTLS
		}
		if len(message) >= 4+size {
			name, err = helloName(message[4 : 4+size])
			return raw, name, err
		}
	}
}

// helloName returns the name in the body of a ClientHello.
func helloName(body []byte) (string, error) {
	c := cursor{b: body}
	c.take(2 + 32)               // version, random
	c.take(int(c.number(1)))     // session
	c.take(int(c.number(2)))     // ciphers
	c.take(int(c.number(1)))     // compression
	if !c.bad && len(c.b) == 0 { // a client of old, without extensions
		return "", nil
	}
	all := cursor{b: c.take(int(c.number(2)))}
	if c.bad || len(c.b) != 0 {
		return "", errNotTLS
	}
	name, named := "", false
	for len(all.b) > 0 {
		kind := all.number(2)
		data := all.take(int(all.number(2)))
		switch {
		case all.bad:
			return "", errNotTLS
		case kind == extensionHidden || kind == extensionRequired:
			return "", errHidden
		case kind == extensionName && named:
			return "", fmt.Errorf("%w: it names two hosts", errNotTLS)
		case kind == extensionName:
			var err error
			if name, err = serverName(data); err != nil {
				return "", err
			}
			named = true
		}
	}
	return name, nil
}

// serverName returns the one name in the extension that is made for several.
func serverName(data []byte) (string, error) {
	c := cursor{b: data}
	list := cursor{b: c.take(int(c.number(2)))}
	kind := list.number(1)
	name := list.take(int(list.number(2)))
	if c.bad || list.bad || len(c.b) != 0 || len(list.b) != 0 || kind != 0 || len(name) == 0 {
		return "", fmt.Errorf("%w: its host is not one name", errNotTLS)
	}
	return string(name), nil
}

// A cursor is read from its beginning; what is too short for that makes it bad.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.b) {
		c.bad, c.b = true, nil
		return nil
	}
	taken := c.b[:n]
	c.b = c.b[n:]
	return taken
}

func (c *cursor) number(size int) (n uint64) {
	for _, b := range c.take(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"autonoma"
)

// The headers of what is sent to webhooks: three of Standard Webhooks
// (https://www.standardwebhooks.com), and our own.
const (
	HeaderWebhookID        = "webhook-id"        // the same in each attempt
	HeaderWebhookTimestamp = "webhook-timestamp" // of the attempt, in seconds since 1970
	HeaderWebhookSignature = "webhook-signature" // v1,<base64>, several if several secrets are good
	HeaderSignature        = "x-autonoma-signature"
)

// SignWebhook sets the headers that prove, to whoever knows one of the secrets, who
// sends a body. The newest secret comes first; x-autonoma-signature is made with
// that one alone, and with its characters, whsec_ included, as the key.
func SignWebhook(h http.Header, id string, at time.Time, body []byte, secrets ...autonoma.HookSecret) error {
	var signatures []string
	for _, secret := range secrets {
		key, err := secret.Key()
		if err != nil {
			return err
		}
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(sum(key, signed(id, at.Unix(), body))))
	}
	h.Set(HeaderWebhookID, id)
	h.Set(HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderWebhookSignature, strings.Join(signatures, " "))
	h.Set(HeaderSignature, "sha256="+hex.EncodeToString(sum([]byte(secrets[0]), body)))
	return nil
}

// webhookTolerance is how old a webhook may be, or how far ahead its sender's clock.
const webhookTolerance = 5 * time.Minute

// VerifyWebhook returns an error unless the body comes, with these headers, from
// somebody who knows the secret, and was sent just now. Whoever receives webhooks
// calls it with the body as it came, before looking at it.
func VerifyWebhook(h http.Header, body []byte, secret string) error {
	key, err := autonoma.HookSecret(secret).Key()
	if err != nil {
		return err
	}
	id, text := h.Get(HeaderWebhookID), h.Get(HeaderWebhookTimestamp)
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id == "" {
		return errors.New("the request is not a webhook: its id or timestamp is missing")
	}
	if age := time.Since(time.Unix(at, 0)); age.Abs() > webhookTolerance {
		return fmt.Errorf("the webhook was sent %v ago: somebody may have kept it, or a clock is wrong", age.Round(time.Second))
	}
	want := sum(key, signed(id, at, body))
	for s := range strings.FieldsSeq(h.Get(HeaderWebhookSignature)) {
		text, ok := strings.CutPrefix(s, "v1,")
		got, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("no signature of the webhook was made with this secret")
}

func signed(id string, at int64, body []byte) []byte {
	return fmt.Appendf(nil, "%s.%d.%s", id, at, body)
}

func sum(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

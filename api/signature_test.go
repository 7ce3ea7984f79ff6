package api_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"autonoma"
	"autonoma/api"
)

// What we sign, others verify, and what they sign, we do: with each of two secrets.
func TestSignature(t *testing.T) {
	const given, body = "a-secret-of-ones-own", `{"type":"task.completed"}`
	made := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef01234567"))
	h := http.Header{}
	if err := api.SignWebhook(h, "dlv_1", time.Now(), []byte(body), autonoma.HookSecret(made), given); err != nil {
		t.Fatal(err)
	}
	theirs, err := standardwebhooks.NewWebhook(made)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := standardwebhooks.NewWebhookRaw([]byte(given))
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"theirs, newest": theirs.Verify([]byte(body), h), "theirs, previous": raw.Verify([]byte(body), h),
		"ours, newest": api.VerifyWebhook(h, []byte(body), made), "ours, previous": api.VerifyWebhook(h, []byte(body), given),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	signature, err := theirs.Sign("msg_1", time.Now(), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-signature", "v1a,x v1, v2 "+signature)
	if err := api.VerifyWebhook(h, []byte(body), made); err != nil {
		t.Errorf("signed by them: %v", err)
	}
}

// The vendor's header, as computed by openssl dgst -sha256 -hmac.
func TestVendorSignature(t *testing.T) {
	h := http.Header{}
	if err := api.SignWebhook(h, "dlv_1", time.Now(), []byte(`{"type":"task.completed"}`), "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="); err != nil {
		t.Fatal(err)
	}
	const want = "sha256=dfe255bb19975b28d8cad9c34010618a653058d019506eaa0600daa263bc0711"
	if got := h.Get("x-autonoma-signature"); got != want {
		t.Errorf("%s", got)
	}
}

func TestVerifyRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret, body = "0123456789abcdef", "{}"
		h := http.Header{}
		if err := api.SignWebhook(h, "dlv_1", time.Now(), []byte(body), secret); err != nil {
			t.Fatal(err)
		}
		changed := func(name, value string) http.Header {
			other := h.Clone()
			other.Set(name, value)
			return other
		}
		for name, err := range map[string]error{
			"another body":      api.VerifyWebhook(h, []byte("{ }"), secret),
			"another secret":    api.VerifyWebhook(h, []byte(body), secret+"0"),
			"another id":        api.VerifyWebhook(changed("webhook-id", "dlv_2"), []byte(body), secret),
			"another time":      api.VerifyWebhook(changed("webhook-timestamp", "1"), []byte(body), secret),
			"no time":           api.VerifyWebhook(changed("webhook-timestamp", ""), []byte(body), secret),
			"no signature":      api.VerifyWebhook(changed("webhook-signature", ""), []byte(body), secret),
			"an empty one":      api.VerifyWebhook(changed("webhook-signature", "v1,"), []byte(body), secret),
			"a secret cut off":  api.VerifyWebhook(h, []byte(body), "whsec_x"),
			"nothing at all":    api.VerifyWebhook(http.Header{}, []byte(body), secret),
			"no version":        api.VerifyWebhook(changed("webhook-signature", strings.TrimPrefix(h.Get("webhook-signature"), "v1,")), []byte(body), secret),
			"another signature": api.VerifyWebhook(changed("webhook-signature", "v1,"+strings.Repeat("A", 43)+"="), []byte(body), secret),
		} {
			if err == nil {
				t.Errorf("%s passes", name)
			}
		}
		time.Sleep(4 * time.Minute)
		if err := api.VerifyWebhook(h, []byte(body), secret); err != nil {
			t.Errorf("minutes later: %v", err)
		}
		time.Sleep(2 * time.Minute)
		if err := api.VerifyWebhook(h, []byte(body), secret); err == nil {
			t.Error("what is kept can be sent again")
		}
	})
}

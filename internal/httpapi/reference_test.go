package httpapi_test

import (
	"regexp"
	"strings"
	"testing"
)

// The page for people has every operation, and asks nobody else for anything.
func TestReference(t *testing.T) {
	k := newKit(t)
	r := k.do("", "GET", "/docs", "")
	page := string(r.body)
	if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") || !strings.HasPrefix(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Fatalf("%d %v", r.StatusCode, r.Header)
	}
	for path, item := range k.doc.Paths.Map() {
		for method, op := range item.Operations() {
			if !strings.Contains(page, `id="`+op.OperationID+`"`) || !strings.Contains(page, method+`</span> <code>`+path+`<`) {
				t.Errorf("%s %s is not there", method, path)
			}
		}
	}
	for _, want := range []string{"intelligence", "core, pro, ultra", "Add user authentication to React app"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not there", want)
		}
	}
	if foreign := regexp.MustCompile(`(src|@import|url\()|<link|<script`).FindString(page); foreign != "" {
		t.Errorf("it wants %s", foreign)
	}
	if len(page) > 400<<10 {
		t.Errorf("it has %d bytes", len(page))
	}
}

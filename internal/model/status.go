package model

import "net/http"

// statusOverloaded is what Anthropic answers when it is too busy; no standard
// names it.
const statusOverloaded = 529

// KindOfStatus is what an HTTP status means as long as the body says nothing
// more exact. A good status is no error and has the kind "".
func KindOfStatus(status int) Kind {
	switch status {
	case http.StatusUnauthorized:
		return Unauthorized
	case http.StatusPaymentRequired:
		return Quota
	case http.StatusForbidden:
		return Forbidden
	case http.StatusNotFound:
		return NotFound
	case http.StatusRequestTimeout, http.StatusConflict:
		return Conflict
	case http.StatusRequestEntityTooLarge:
		return TooLong
	case http.StatusTooManyRequests:
		return RateLimited
	case statusOverloaded:
		return Overloaded
	}
	switch {
	case status >= 500:
		return Overloaded
	case status >= 400:
		return InvalidRequest
	case status >= 300:
		return NotFound // a key is not carried elsewhere: redirects are not followed
	}
	return ""
}

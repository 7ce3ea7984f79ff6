package scan

import "autonoma"

const (
	lowly  = autonoma.LowRisk
	medium = autonoma.MediumRisk
	high   = autonoma.HighRisk
)

func goRules() []rule {
	const asked = `(?:r|req|request)\.(?:URL|Form|PostForm|FormValue|PathValue|PostFormValue|Header)\b|\bc\.(?:Param|Query|PostForm|FormValue)\(|mux\.Vars\(|chi\.URLParam\(`
	return []rule{
		weakness("go_shell", "a shell runs a command that is put together from values", high, "go", `exec\.Command(?:Context)?\(.*"(?:/bin/)?(?:ba|z)?sh",\s*"-l?c",\s*(?:fmt\.Sprintf\(|"[^"]*"\s*\+|\w[\w.]*\s*\+)`, "", "exec.command"),
		weakness("go_tls", "certificates are not verified", high, "go", `InsecureSkipVerify\s*[:=]+\s*true`, `VerifyConnection|VerifyPeerCertificate`, "insecureskipverify"),
		weakness("go_ssh_host", "any host key is believed", high, "go", `ssh\.InsecureIgnoreHostKey\(\)`, "", "insecureignorehostkey"),
		weakness("go_sql", "SQL is put together from values", high, "go", `\.(?:Query|QueryRow|Exec|Raw|Prepare|Get|Select)(?:x|Context)?\(.*(?:fmt\.Sprintf\(\s*["`+"`"+`]\s*SQL.*VALUE%[sv]|["`+"`"+`]\s*SQL[^"`+"`"+`]*VALUE["`+"`"+`]\s*\+\s*\w)`, "", "query", "exec", "raw", "prepare", "get", "select"),
		weakness("go_weak_hash", "a password is kept with a hash that is quickly guessed", high, "go", `(?i)\b(?:md5|sha1|sha256)\.(?:Sum|Sum256|New)\(.*passw`, "", "md5.", "sha1.", "sha256."),
		weakness("go_path", "a path is made of what a request says", high, "go", `(?:filepath\.Join|path\.Join|os\.(?:Open|OpenFile|ReadFile|Create|Remove|RemoveAll|WriteFile)|http\.ServeFile)\(.*(?:`+asked+`)`, `filepath\.(?:Base|IsLocal)\(|path\.Base\(|os\.OpenRoot`, "join(", "os.", "servefile"),
		weakness("go_template", "text is put into HTML without being escaped", high, "go", `template\.(?:HTML|JS|JSStr|HTMLAttr|CSS)\(\s*(?:fmt\.Sprintf\(|`+asked+`)`, "", "template."),
		weakness("go_random", "a secret is drawn from a generator that can be guessed", medium, "go", `(?i)(?:token|secret|password|nonce|session|apikey)\w*\s*:?=\s*.*\brand\.(?:Int|Intn|IntN|Int63|Uint32|Read)\(`, `(?i)crypto`, "rand."),
		weakness("go_pprof_open", "profiles are served to all networks", medium, "go", `http\.ListenAndServe\(\s*"0\.0\.0\.0:6060"`, "", "listenandserve"),
	}
}

func pythonRules() []rule {
	const asked = `(?:\brequest\.(?:args|form|values|json|GET|POST|query_params|get_json|files|headers|cookies|data)\b|\binput\(|\bsys\.argv\b|self\.get_argument\()`
	return []rule{
		weakness("py_shell", "a shell runs a command that is put together from values", high, "py", `(?:os\.(?:system|popen)|subprocess\.getoutput|subprocess\.getstatusoutput)\(\s*(?:f["'].*\{|["'][^"']*["']\s*(?:%|\+|\.format\()|\w+\s*\+)|subprocess\.\w+\(\s*(?:f["'].*\{|["'][^"']*["']\s*(?:%|\+|\.format\()|\w+\s*\+).*shell\s*=\s*True`, `shlex\.quote`, "os.", "subprocess."),
		weakness("py_eval", "a text is run as code", high, "py", `(?:^|[^.\w])(?:eval|exec)\(\s*(?:compile\()?.*`+asked, "", "eval(", "exec("),
		weakness("py_eval_value", "a value is run as code", medium, "py", `(?:^|[^.\w])eval\(\s*[A-Za-z_]`, `def eval|literal_eval|`+asked, "eval("),
		weakness("py_unpickle", "unpickling runs code that the data brings", medium, "py", `\b(?:c?[Pp]ickle|dill|marshal|cloudpickle|joblib)\.(?:loads?|Unpickler)\(|pd\.read_pickle\(|torch\.load\(`, `weights_only\s*=\s*True`, "pickle.", "dill.", "marshal.", "joblib.", "read_pickle", "torch.load"),
		weakness("py_yaml", "loading this YAML runs code that it brings", high, "py", `\byaml\.(?:load|load_all|unsafe_load|unsafe_load_all)\(`, `SafeLoader|BaseLoader`, "yaml."),
		weakness("py_sql", "SQL is put together from values", high, "py", `\.(?:execute|executemany|executescript|raw|text|read_sql|read_sql_query)\(\s*(?:text\(\s*)?(?:f["']{1,3}\s*SQL.*\{|["']{1,3}\s*SQL.*["']\s*(?:%\s*[\w(]|\+\s*\w|\.format\())`, "", "execute", "raw(", "text(", "read_sql"),
		weakness("py_tls", "certificates are not verified", high, "py", `(?:requests|httpx|session|client|http|aiohttp)\b.*\bverify\s*=\s*False|\.verify\s*=\s*False|ssl\._create_unverified_context|(?:verify_mode|cert_reqs)\s*=\s*(?:ssl\.)?CERT_NONE\s*(?:[,)#]|$)|check_hostname\s*=\s*False|TCPConnector\(.*\bssl\s*=\s*False`, "", "verify", "ssl", "check_hostname"),
		weakness("py_debug", "a server is started for debugging, which lets its callers run code", high, "py", `\.run\(.*\bdebug\s*=\s*True|run_simple\(.*use_debugger\s*=\s*True`, `asyncio\.run|trio\.run|anyio\.run`, "debug"),
		weakness("py_weak_hash", "a password is kept with a hash that is quickly guessed", high, "py", `(?i)hashlib\.(?:md5|sha1|sha256)\(.*passw`, "", "hashlib."),
		weakness("py_path", "a path is made of what a request says", high, "py", `(?:\bopen|os\.path\.join|os\.remove|os\.unlink|shutil\.\w+|send_file|FileResponse|Path)\(.*`+asked, `secure_filename|os\.path\.basename|safe_join|\binput\(|sys\.argv`, "open(", "join(", "os.", "shutil.", "send_file", "fileresponse", "path("),
		weakness("py_template", "a template is made of a value, which may run code", high, "py", `render_template_string\(\s*(?:[a-z_]\w*\s*[,)+]|f["']|["'][^"']*["']\s*[%+])`, "", "render_template_string"),
		weakness("py_html", "text is put into HTML without being escaped", medium, "py", `\b(?:Markup|mark_safe|SafeString)\(\s*(?:f["'].*\{|["'][^"']*["']\s*(?:%|\+|\.format\()|`+asked+`)|autoescape\s*=\s*False`, "", "markup", "mark_safe", "safestring", "autoescape"),
		weakness("py_csrf", "protection against forged requests is switched off", medium, "py", `^\s*@csrf_exempt\b|WTF_CSRF_ENABLED["']?\]?\s*=\s*False`, "", "csrf"),
		weakness("py_jwt", "a signed token is not checked", high, "py", `jwt\.decode\(.*(?:verify\s*=\s*False|["']verify_signature["']\s*:\s*False|algorithms\s*=\s*\[\s*["']none["'])`, "", "jwt.decode"),
		weakness("py_random", "a secret is drawn from a generator that can be guessed", medium, "py", `(?i)(?:token|secret|password|nonce|session_id|api_?key)\w*\s*=\s*.*\brandom\.(?:choice|choices|randint|random|sample|getrandbits)\(`, `SystemRandom|secrets\.`, "random."),
		weakness("py_extract", "an archive may write outside of where it is unpacked", medium, "py", `\b(?:tar|tarfile\w*|tf|t|archive)\.extractall\(`, `filter\s*=`, "extractall"),
		weakness("py_open_api", "everyone may call what was for people who signed in", medium, "py", `permission_classes\s*=\s*[\[(]\s*(?:permissions\.)?AllowAny|DEFAULT_PERMISSION_CLASSES.*AllowAny`, "", "allowany"),
	}
}

func scriptRules() []rule {
	const asked = `\b(?:req|request|ctx|c\.req)\.(?:params|query|body|headers|cookies|url|originalUrl)\b`
	return []rule{
		weakness("js_eval", "a text is run as code", high, "js", `(?:^|[^.\w])(?:eval|new\s+Function|vm\.runIn\w*Context)\(.*`+asked, "", "eval(", "function(", "vm."),
		weakness("js_eval_value", "a value is run as code", medium, "js", `(?:^|[^.\w$])(?:window\.)?eval\(\s*(?:[A-Za-z_$]|`+"`[^`]*\\$\\{"+`)|new\s+Function\(\s*[A-Za-z_$]`, `function\s+eval|`+asked, "eval(", "function("),
		weakness("js_shell", "a shell runs a command that is put together from values", high, "js", `(?:(?:child_process|cp|childProcess)\.|(?:^|[^.\w]))(?:exec|execSync)\(\s*(?:`+"`[^`]*\\$\\{"+`|["'][^"']*["']\s*\+|\w+\s*\+)`, "", "exec"),
		weakness("js_html", "text is put into HTML without being escaped", medium, "js", `\.(?:innerHTML|outerHTML)\s*\+?=\s*(?:[A-Za-z_$(]|`+"`[^`]*\\$\\{"+`|["'][^"']*["']\s*\+)|dangerouslySetInnerHTML\s*=|insertAdjacentHTML\(\s*["']\w+["']\s*,\s*(?:[A-Za-z_$]|`+"`[^`]*\\$\\{"+`)|document\.write(?:ln)?\(\s*[A-Za-z_$]|bypassSecurityTrust\w+\(|\sv-html=|\{@html\s`, `(?i)sanitiz|purify|escape|trustedHTML|createHTML|JSON\.stringify`, "innerhtml", "outerhtml", "insertadjacenthtml", "document.write", "bypasssecuritytrust", "v-html", "{@html"),
		weakness("js_sql", "SQL is put together from values", high, "js", `\.(?:query|execute|raw|run|all|get|prepare)\(\s*(?:`+"`\\s*SQL[^`]*\\$\\{"+`|["']\s*SQL[^"']*["']\s*\+)|\$(?:query|execute)RawUnsafe\(`, "", "query", "execute", "raw", "run(", "all(", "get(", "prepare("),
		weakness("js_tls", "certificates are not verified", high, "js", `rejectUnauthorized["']?\s*:\s*false|strictSSL["']?\s*:\s*false`, "", "rejectunauthorized", "strictssl"),
		weakness("js_cors", "any site may call with the credentials of its visitors", high, "js", `cors\(\s*\{.*\borigin\s*:\s*(?:true|["']\*["']).*credentials\s*:\s*true|Access-Control-Allow-Origin["']\s*,\s*(?:req|request|ctx)\.(?:headers\.origin|get\(|header\()`, "", "origin"),
		weakness("js_path", "a path is made of what a request says", high, "js", `(?:path\.(?:join|resolve)|\.sendFile|\.download|readFile(?:Sync)?|createReadStream|writeFile(?:Sync)?|unlink(?:Sync)?)\(.*`+asked, `path\.basename`, "path.", "sendfile", "download", "readfile", "createreadstream", "writefile", "unlink"),
		weakness("js_jwt", "a signed token is not checked", high, "js", `jwt\.verify\(.*(?:algorithms\s*:\s*\[\s*["']none["']|ignoreExpiration\s*:\s*true)|jwt\.verify\([^,]+,\s*(?:null|""|'')\s*[,)]`, "", "jwt.verify"),
		weakness("js_weak_hash", "a password is kept with a hash that is quickly guessed", high, "js", `(?i)createHash\(\s*["'](?:md5|sha1|sha256)["']\s*\).*passw`, "", "createhash"),
		weakness("js_random", "a secret is drawn from a generator that can be guessed", medium, "js", `(?i)(?:token|secret|password|nonce|session_?id|api_?key)\w*\s*[:=]\s*.*Math\.random\(\)`, "", "math.random"),
		weakness("js_electron", "pages get the rights of the program", medium, "js", `\b(?:nodeIntegration\s*:\s*true|webSecurity\s*:\s*false|contextIsolation\s*:\s*false)`, "", "nodeintegration", "websecurity", "contextisolation"),
		weakness("js_deserialize", "unserializing runs code that the data brings", high, "js", `\b(?:serialize|nodeSerialize|node_serialize)\.unserialize\(`, "", "unserialize"),
	}
}

func rustRules() []rule {
	return []rule{
		weakness("rs_tls", "certificates are not verified", high, "rust", `danger_accept_invalid_(?:certs|hostnames)\(\s*true|SslVerifyMode::NONE|set_verify\(SslVerifyMode::NONE`, "", "danger_accept_invalid", "sslverifymode"),
		weakness("rs_sql", "SQL is put together from values", high, "rust", `(?:query|query_as|query_scalar|execute|prepare|sql_query|batch_execute)(?:::<[^>]*>)?\(\s*&?format!\(\s*r?#*"\s*SQL[^"]*\{`, "", "format!"),
		weakness("rs_shell", "a shell runs a command that is put together from values", high, "rust", `Command::new\("(?:/bin/)?(?:ba)?sh"\).*arg(?:s\(\[|\()\s*"-c".*format!\(`, "", "command::new"),
		weakness("rs_weak_hash", "a password is kept with a hash that is quickly guessed", high, "rust", `(?i)(?:md5::compute|sha1::digest|sha256::digest)\(.*passw`, "", "md5::", "sha1::", "sha256::"),
	}
}

package scan

func jvmRules() []rule {
	const asked = `(?:request|req)\.get(?:Parameter|Header|QueryString|PathInfo)\(`
	return []rule{
		weakness("java_sql", "SQL is put together from values", high, "java", `(?:executeQuery|executeUpdate|execute|createQuery|createNativeQuery|createSQLQuery|prepareStatement|queryForObject|queryForList|rawQuery|execSQL)\(\s*(?:"\s*SQL[^"]*"\s*\+|String\.format\(\s*"\s*SQL|"\s*SQL[^"]*\$\{?\w)`, "", "execute", "createquery", "createnativequery", "createsqlquery", "preparestatement", "queryfor", "rawquery", "execsql"),
		weakness("java_shell", "a command is put together from values", high, "java", `getRuntime\(\)\.exec\(\s*(?:"[^"]*"\s*\+|\w+\s*\+|String\.format\(|`+asked+`)`, "", "getruntime"),
		weakness("java_deserialize", "deserializing runs code that the data brings", medium, "java", `new\s+ObjectInputStream\(|(?:=|\s)ObjectInputStream\(|enableDefaultTyping\(`, "", "objectinputstream", "enabledefaulttyping"),
		weakness("java_tls", "certificates are not verified", high, "java", `ALLOW_ALL_HOSTNAME_VERIFIER|NoopHostnameVerifier|AllowAllHostnameVerifier|TrustAllStrategy|void\s+checkServerTrusted\([^)]*\)[^{]*\{\s*\}|hostnameVerifier\s*\{\s*_,\s*_\s*->\s*true`, "", "hostname", "trustall", "checkservertrusted"),
		weakness("java_weak_hash", "a password is kept with a hash that is quickly guessed", high, "java", `(?i)(?:DigestUtils\.(?:md5|sha1|sha256)(?:Hex)?\(|MessageDigest\.getInstance\("(?:MD5|SHA-1)"\).*)\w*passw|NoOpPasswordEncoder`, "", "digest", "nooppasswordencoder"),
		weakness("java_csrf", "protection against forged requests is switched off", medium, "java", `\.csrf\(\)\s*\.disable\(\)|csrf\(\s*(?:AbstractHttpConfigurer|CsrfConfigurer)::disable|csrf\(\s*(\w+)\s*->\s*\w+\.disable\(\)|csrf\s*\{\s*(?:it\.)?disable\(\)`, "", "csrf"),
		weakness("java_open_api", "everyone may call everything", medium, "java", `anyRequest\(\)\s*\.permitAll\(\)|authorize\(anyRequest,\s*permitAll\)`, "", "permitall"),
		weakness("java_path", "a path is made of what a request says", high, "java", `(?:new\s+File(?:InputStream|OutputStream|Reader)?|Paths\.get|Path\.of|Files\.\w+)\(.*`+asked, `getFileName|FilenameUtils\.getName`, "file", "path"),
		weakness("java_eval", "a text is run as code", high, "java", `(?:\.eval|parseExpression)\(.*`+asked, "", "eval(", "parseexpression"),
	}
}

func rubyRules() []rule {
	const asked = `\b(?:params|cookies|request\.(?:headers|body|query_parameters))\b`
	return []rule{
		weakness("rb_shell", "a shell runs a command that is put together from values", high, "rb", `(?:\b(?:system|exec|spawn|IO\.popen|Open3\.\w+)[( ]\s*"[^"]*#\{|%x[\[({][^\])}]*#\{|=\s*`+"`[^`]*#\\{"+`)`, `shellescape|Shellwords`, "#{"),
		weakness("rb_eval", "a text is run as code", high, "rb", `(?:\b(?:eval|instance_eval|class_eval|send|public_send|constantize)\b[( ].*`+asked+`)|`+asked+`.*\.(?:constantize|safe_constantize)\b`, "", "eval", "send", "constantize"),
		weakness("rb_unmarshal", "loading this runs code that the data brings", high, "rb", `\bMarshal\.load\(|YAML\.unsafe_load(?:_file)?\b|Oj\.object_load\b`, "", "marshal.load", "unsafe_load", "object_load"),
		weakness("rb_sql", "SQL is put together from values", high, "rb", `\.(?:where|find_by_sql|order|having|joins|group|pluck|select|exists\?|execute|exec_query|delete_all|update_all)[( ]\s*"[^"]*#\{`, `sanitize_sql|quote\(|connection\.quote`, "#{"),
		weakness("rb_html", "text is put into HTML without being escaped", medium, "rb", asked+`.*\.html_safe\b|\braw[( ].*`+asked, "", "html_safe", "raw"),
		weakness("rb_tls", "certificates are not verified", high, "rb", `OpenSSL::SSL::VERIFY_NONE|verify_ssl\s*(?::|=>|=)\s*false|verify:\s*false`, "", "verify"),
		weakness("rb_csrf", "protection against forged requests is switched off", medium, "rb", `skip_(?:before_action|forgery_protection)\s*:?verify_authenticity_token|skip_forgery_protection|allow_forgery_protection\s*=\s*false`, "", "authenticity_token", "forgery"),
		weakness("rb_path", "a path is made of what a request says", high, "rb", `(?:File\.(?:open|read|new|join|delete|write)|IO\.read|send_file|render\s+file:)[( ]?.*`+asked, `File\.basename`, "file", "io.read"),
		weakness("rb_weak_hash", "a password is kept with a hash that is quickly guessed", high, "rb", `(?i)Digest::(?:MD5|SHA1|SHA256)\.(?:hex|base64)?digest[( ].*passw`, "", "digest::"),
	}
}

func phpRules() []rule {
	const asked = `\$_(?:GET|POST|REQUEST|COOKIE|FILES|SERVER)\b`
	return []rule{
		weakness("php_eval", "a value is run as code", high, "php", `(?:^|[^\w>:])(?:eval|assert|create_function)\(\s*["']?[^"']*\$`, `function\s+(?:eval|assert)`, "eval", "assert", "create_function"),
		weakness("php_shell", "a shell runs what a request says", high, "php", `(?:^|[^\w>:])(?:shell_exec|system|exec|passthru|popen|proc_open)\(.*(?:`+asked+`|"[^"]*\$\w|["']\s*\.\s*\$)`, `escapeshell`, "exec", "system", "passthru", "popen", "proc_open"),
		weakness("php_sql", "SQL is put together from values", high, "php", `(?:(?:mysqli?|pg)_query\(|->(?:query|exec|prepare|whereRaw|select)\(|DB::(?:raw|select|statement)\()[^;]*(?:"\s*SQL[^"]*\$\w|["']\s*SQL.*["']\s*\.\s*\$)`, "", "query", "exec", "prepare", "raw", "select", "statement"),
		weakness("php_unserialize", "unserializing runs code that the data brings", high, "php", `(?:^|[^\w>:])unserialize\(.*`+asked, `allowed_classes`, "unserialize"),
		weakness("php_include", "a request says which code is run", high, "php", `\b(?:include|require)(?:_once)?\b.*`+asked, "", "include", "require"),
		weakness("php_html", "text of a request is put into HTML without being escaped", high, "php", `(?:\becho\b|\bprint\b|<\?=).*`+asked, `htmlspecialchars|htmlentities|json_encode|intval|\(int\)|esc_html|esc_attr|strip_tags`, "echo", "print", "<?="),
		weakness("php_tls", "certificates are not verified", high, "php", `CURLOPT_SSL_VERIFY(?:PEER|HOST)\s*(?:,|=>)\s*(?:false|0)\b|["']verify(?:_peer)?["']\s*=>\s*false`, "", "curlopt_ssl_verify", "verify"),
		weakness("php_weak_hash", "a password is kept with a hash that is quickly guessed", high, "php", `(?i)(?:^|[^\w])(?:md5|sha1)\(\s*\$\w*(?:\[["'])?\w*passw`, "", "md5", "sha1"),
		weakness("php_path", "a path is made of what a request says", high, "php", `\b(?:file_get_contents|file_put_contents|fopen|readfile|unlink|move_uploaded_file)\(.*`+asked, `basename\(|["']tmp_name["']\s*\]\s*\)`, "file", "fopen", "unlink"),
	}
}

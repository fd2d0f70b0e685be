<?php
// A product page out of a store: php product_page.php STORE ITEM [USER]
// PANNIER_LIBRARY names libpannier.so, PANNIER_HEADER the pannier_ffi.h beside it.
declare(strict_types=1);
$pnr = FFI::cdef(file_get_contents(getenv('PANNIER_HEADER') ?: '/usr/local/include/pannier_ffi.h'),
                 getenv('PANNIER_LIBRARY') ?: 'libpannier.so');
[$store, $engine, $error] = [$pnr->new('pnr_store*'), $pnr->new('pnr_engine*'), $pnr->new('pnr_error')];
$check = fn(int $status) => $status === 0 ? null
    : throw new RuntimeException(FFI::string($error->where) . ': ' . FFI::string($error->what) . '; expected ' . FFI::string($error->allowed));
$check($pnr->pnr_store_open($argv[1], strlen($argv[1]), 1, FFI::addr($store), FFI::addr($error)));
$check($pnr->pnr_engine_open($store, null, FFI::addr($engine), FFI::addr($error)));

$ask = function (array $request) use ($pnr, $engine, $error, $check): array {
    [$json, $out, $needed] = [json_encode($request), $pnr->new('char[65536]'), $pnr->new('size_t')];
    $check($pnr->pnr_engine_call_json($engine, $json, strlen($json), $out, 65536, FFI::addr($needed), FFI::addr($error)));
    return json_decode(FFI::string($out, $needed->cdata), true);
};
$name = function (string $id) use ($pnr, $engine, $error, $check): string {
    [$out, $needed] = [$pnr->new('char[4096]'), $pnr->new('size_t')];
    $check($pnr->pnr_engine_item_name($engine, $pnr->pnr_item_key($id, strlen($id)), $out, 4096, FFI::addr($needed), FFI::addr($error)));
    return FFI::string($out, $needed->cdata) ?: $id;
};
$words = ['because_of' => 'because of', 'similar_to' => 'like', 'bought_with' => 'bought with', 'buy_again' => 'bought before:',
          'recently_viewed' => 'looked at:', 'popular' => 'popular', 'trending' => 'trending', 'seasonal' => 'in season'];
$row = function (string $title, array $request) use ($ask, $name, $words): void {
    // A product too new for the store: its row stays empty, and the log says why.
    try { $answer = $ask($request + ['n' => 4, 'explain' => true]); } catch (RuntimeException $refused) { error_log($refused->getMessage()); $answer = ['items' => [], 'policy' => '']; }
    echo '<h2>', htmlspecialchars($answer['policy'] === 'popular' ? 'Popular' : $title), "</h2>\n<ul>\n";
    $why = fn(array $reasons): string => !$reasons ? '' : $words[$reasons[0]['kind']] . (in_array($reasons[0]['kind'], ['popular', 'trending', 'seasonal']) ? '' : ' ' . implode(' · ', array_map(fn($reason) => $name($reason['item']), $reasons)));
    foreach ($answer['items'] as $item)
        echo '  <li>', htmlspecialchars($item['name'] ?: $item['item']), ' <small>', htmlspecialchars($why($item['reasons'])), "</small></li>\n";
    echo "</ul>\n";
};
$row('For you', isset($argv[3]) ? ['user' => $argv[3], 'session' => [$argv[2]]] : ['session' => [$argv[2]]]);
$row('Similar products', ['op' => 'similar', 'items' => [$argv[2]]]);
$row('Bought together', ['op' => 'together', 'items' => [$argv[2]]]);

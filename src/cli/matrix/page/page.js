'use strict';
(() => {
  const data = JSON.parse(document.getElementById('data').textContent);
  const $ = id => document.getElementById(id);
  const LOOKS = {
    supported: ['✓', 'supported', 'works as on any node'],
    partial: ['◐', 'partial', 'works under a condition, or differently'],
    ignored: ['○', 'ignored', 'dropped without an error'],
    lost: ['!', 'ignored control', 'a safeguard is dropped without an error'],
    unsupported: ['✕', 'unsupported', 'refused, stuck or a crash'],
    unverified: ['?', 'unverified', 'nobody has looked'],
  };
  const HOW = {
    executed: "executed: the code was run on such a pod",
    source: "read: the provider's source says so",
    documented: "documented: the provider's documents say so",
  };
  const RANK = ['unsupported', 'lost', 'ignored', 'partial', 'unverified', 'supported'];
  const narrow = matchMedia('(max-width: 720px)');

  // Text that did not come from this page goes into the DOM as text only.
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === 'class') element.className = value;
      else if (key === 'onclick') element.addEventListener('click', value);
      else element.setAttribute(key, value);
    }
    element.append(...children.filter(child => child != null && child !== ''));
    return element;
  };
  const look = (feature, entry) => entry.support === 'ignored' && feature.control ? 'lost' : entry.support;
  const entryOf = (feature, profile) => data.entries[feature.cells[profile.index]];
  const sign = (feature, entry) => make('span', {
    class: `sign ${look(feature, entry)}${entry.listed ? '' : ' faint'}${entry.verified && entry.verified.how === 'executed' && entry.listed ? ' executed' : ''}`,
    'aria-hidden': 'true',
  }, LOOKS[look(feature, entry)][0]);
  // A phrase as a sentence. Words such as emptyDir keep their case.
  const sentence = text => (/^[a-z]+[^\w-]/.test(text) ? text[0].toUpperCase() + text.slice(1) : text) + (/[.!?]$/.test(text) ? '' : '.');

  data.profiles.forEach((profile, index) => { profile.index = index; });
  data.features.forEach((feature, index) => {
    feature.index = index;
    feature.text = [feature.name, feature.title, feature.doc, feature.class, ...feature.at].join(' ').toLowerCase();
  });
  const byName = new Map(data.features.map(feature => [feature.name, feature]));
  const profileNamed = new Map(data.profiles.map(profile => [profile.name, profile]));

  // What is shown. Everything here stands in the address, so that a view can be passed on.
  const state = { q: '', classes: new Set(), on: new Set(), only: new Set(), at: '', theme: '' };
  const chosen = () => state.on.size ? data.profiles.filter(profile => state.on.has(profile.name)) : data.profiles;
  const readAddress = () => {
    const address = new URLSearchParams(location.hash.slice(1));
    const set = (key, known) => new Set((address.get(key) || '').split(',').filter(known));
    state.q = address.get('q') || '';
    state.classes = set('class', one => data.classes.includes(one));
    state.on = set('on', one => profileNamed.has(one));
    state.only = set('only', one => one in LOOKS);
    state.at = address.get('at') || '';
    state.theme = address.get('theme') || '';
  };
  const writeAddress = () => {
    const address = new URLSearchParams();
    if (state.q) address.set('q', state.q);
    for (const [key, values] of [['class', state.classes], ['on', state.on], ['only', state.only]]) {
      if (values.size) address.set(key, [...values].join(','));
    }
    if (state.at) address.set('at', state.at);
    if (state.theme) address.set('theme', state.theme);
    const hash = address.toString().replaceAll('%2C', ',').replaceAll('%40', '@');
    history.replaceState(null, '', hash ? `#${hash}` : location.pathname + location.search);
  };

  // The table.
  let columns = [];
  let mode = '';
  let rows = [];
  let here = { row: 0, column: 0 };
  const build = () => {
    columns = chosen();
    const limit = narrow.matches ? 1 : 4;
    mode = columns.length <= limit ? 'words' : narrow.matches && columns.length > 5 ? 'bars' : 'grid';
    const table = $('table');
    table.className = mode;
    const head = make('tr', { role: 'row' }, make('th', { role: 'columnheader' }, make('span', { class: 'vh' }, 'Feature')));
    if (mode === 'bars') head.append(make('th', { role: 'columnheader' }, make('span', {}, 'All chosen')));
    else for (const profile of columns) {
      const title = mode === 'words' ? make('small', {}, profile.title) : null;
      head.append(make('th', { role: 'columnheader', scope: 'col', tabindex: '-1', title: profile.title, 'data-profile': profile.index }, make('span', {}, profile.name), title));
    }
    const parts = [make('thead', { role: 'rowgroup' }, head)];
    rows = [];
    for (const kind of data.classes) {
      const body = make('tbody', { role: 'rowgroup', 'data-class': kind });
      const width = mode === 'bars' ? 2 : columns.length + 1;
      body.append(make('tr', { class: 'head', role: 'row' }, make('th', { colspan: width, scope: 'rowgroup', role: 'rowheader' }, kind)));
      for (const feature of data.features) {
        if (feature.class !== kind) continue;
        const row = make('tr', { role: 'row' }, make('th', { scope: 'row', role: 'rowheader', tabindex: '-1', 'data-feature': feature.index }, feature.title, make('small', {}, feature.name)));
        if (mode === 'bars') row.append(bars(feature));
        else for (const profile of columns) row.append(square(feature, profile));
        body.append(row);
        rows.push({ row, feature, body });
      }
      parts.push(body);
    }
    table.replaceChildren(...parts);
    filter();
  };
  const square = (feature, profile) => {
    const entry = entryOf(feature, profile);
    const words = LOOKS[look(feature, entry)][1];
    const cell = make('td', { role: 'gridcell', tabindex: '-1', 'data-feature': feature.index, 'data-profile': profile.index, 'aria-label': `${words}: ${feature.title} on ${profile.name}${entry.listed ? '' : ' (not listed)'}` });
    if (mode === 'words') {
      cell.append(make('div', { class: 'what' }, sign(feature, entry), words));
      if (columns.length <= 2 && entry.listed && entry.support !== 'supported') cell.append(make('p', {}, entry.reason));
    } else {
      cell.title = `${profile.name}: ${words}`;
      cell.append(sign(feature, entry));
    }
    return cell;
  };
  const bars = feature => {
    const counts = tally(feature);
    const cell = make('td', { role: 'gridcell', tabindex: '-1', 'data-feature': feature.index, 'aria-label': RANK.filter(one => counts[one]).map(one => `${counts[one]} ${LOOKS[one][1]}`).join(', ') });
    const bar = make('span', { class: 'bar-of', 'aria-hidden': 'true' });
    for (const one of [...RANK].reverse()) {
      if (counts[one]) {
        const part = make('i', { class: one });
        part.style.flex = counts[one];
        bar.append(part);
      }
    }
    const worst = ['unsupported', 'lost', 'ignored'].filter(one => counts[one]).map(one => `${LOOKS[one][0]} ${counts[one]}`);
    cell.append(bar, make('span', { class: 'tally', 'aria-hidden': 'true' }, [counts.supported ? `✓ ${counts.supported}` : '', ...worst].filter(Boolean).join(' · ')));
    return cell;
  };
  const tally = feature => {
    const counts = {};
    for (const profile of columns) {
      const one = look(feature, entryOf(feature, profile));
      counts[one] = (counts[one] || 0) + 1;
    }
    return counts;
  };
  const isShown = feature =>
    (!state.classes.size || state.classes.has(feature.class)) &&
    state.q.toLowerCase().split(/\s+/).every(word => feature.text.includes(word)) &&
    (!state.only.size || columns.some(profile => state.only.has(look(feature, entryOf(feature, profile)))));
  const filter = () => {
    let shown = 0;
    const filled = new Set();
    for (const one of rows) {
      const visible = isShown(one.feature);
      one.row.hidden = !visible;
      if (visible) { shown += 1; filled.add(one.body); }
    }
    for (const body of document.querySelectorAll('#table tbody')) body.hidden = !filled.has(body);
    $('table').hidden = !shown;
    $('empty').hidden = shown > 0;
    $('count').textContent = `${shown} of ${rows.length} features on ${columns.length} of ${data.profiles.length} kinds of virtual nodes`;
    here = { row: 0, column: 1 };
    rove();
    writeAddress();
  };

  // One stop for the Tab key; arrows move inside.
  const visibleRows = () => [$('table').tHead.rows[0], ...rows.filter(one => !one.row.hidden).map(one => one.row)];
  const rove = () => {
    for (const old of document.querySelectorAll('#table [tabindex="0"]')) old.tabIndex = -1;
    const cell = (visibleRows()[here.row + 1] || {}).cells;
    if (cell && cell[here.column]) cell[here.column].tabIndex = 0;
  };
  const move = (cell, rowStep, columnStep) => {
    const all = visibleRows();
    const row = all.indexOf(cell.parentElement);
    const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
    const hasHead = mode !== 'bars';
    const nextRow = clamp(row + rowStep, hasHead ? 0 : 1, all.length - 1);
    const nextColumn = clamp(cell.cellIndex + columnStep, nextRow === 0 ? 1 : 0, all[nextRow].cells.length - 1);
    const next = all[nextRow].cells[nextColumn];
    here = { row: nextRow - 1, column: nextColumn };
    if (nextRow > 0) rove();
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    light(nextColumn);
  };
  const light = column => {
    const head = $('table').tHead;
    if (!head) return;
    [...head.rows[0].cells].forEach((cell, index) => cell.classList.toggle('lit', index === column));
  };
  const openCell = cell => {
    const { feature, profile } = cell.dataset;
    if (feature == null && profile == null) return;
    const parts = [feature == null ? '' : data.features[feature].name, profile == null ? '' : data.profiles[profile].name];
    show(parts[1] ? parts.join('@') : parts[0]);
  };
  $('table').addEventListener('click', event => {
    const cell = event.target.closest('td, th');
    if (!cell) return;
    const row = visibleRows().indexOf(cell.parentElement);
    if (row > 0) { here = { row: row - 1, column: cell.cellIndex }; rove(); }
    openCell(cell);
  });
  $('table').addEventListener('mouseover', event => {
    const cell = event.target.closest('td, th');
    if (cell) light(cell.cellIndex);
  });
  $('table').addEventListener('keydown', event => {
    const cell = event.target.closest('td, th');
    if (!cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], PageUp: [-12, 0], PageDown: [12, 0], Home: [0, -999], End: [0, 999] }[event.key];
    if (steps) move(cell, ...steps);
    else if (event.key === 'Enter' || event.key === ' ') openCell(cell);
    else return;
    event.preventDefault();
  });

  // The card: one cell, one feature or one kind of virtual node.
  const card = $('card');
  const term = (title, ...content) => make('div', {}, make('dt', {}, title), make('dd', {}, ...content));
  const source = text => /^https:\/\//.test(text) ? make('a', { href: text, rel: 'noreferrer', target: '_blank' }, text) : make('code', {}, text);
  const link = (text, at) => make('button', { type: 'button', class: 'link', onclick: () => show(at) }, text);
  const cellCard = (feature, profile) => {
    const entry = entryOf(feature, profile);
    const kind = look(feature, entry);
    const facts = make('dl', {});
    const isSilent = entry.support === 'ignored' || (entry.support === 'unsupported' && /^silent-(drop|change)$/.test(entry.effect));
    const lost = isSilent && feature.lost !== entry.consequence ? feature.lost : null;
    const because = entry.reason + (entry.consequence
      ? `, so ${entry.consequence}${lost && feature.control ? `: ${lost}` : ''}`
      : lost ? `, so ${lost}` : '');
    facts.append(term('Why', sentence(because)));
    if (entry.sentence && entry.support !== 'supported') facts.append(term('What one sees', `The virtual node ${entry.sentence}.`, make('small', {}, entry.effect)));
    if (entry.help) facts.append(term('Instead', sentence(entry.help)));
    if (entry.source.length) facts.append(term('Source', make('ul', {}, ...entry.source.map(text => make('li', {}, source(text))))));
    facts.append(entry.verified
      ? term('Verified', sentence(HOW[entry.verified.how]).slice(0, -1), ' on ', make('span', { class: 'date' }, entry.verified.date))
      : term('Verified', 'Not yet'));
    if (entry.from) facts.append(term('From', 'the base ', make('code', {}, entry.from), ', which several profiles extend'));
    if (feature.at.length) facts.append(term(feature.at.length > 1 ? 'Fields' : 'Field', ...feature.at.map(text => make('code', {}, text))));
    facts.append(term('More', link('This feature on all virtual nodes', feature.name), make('br'), link(`About ${profile.name}`, `@${profile.name}`)));
    return [
      make('h2', { id: 'card-title' }, feature.title),
      make('p', { class: 'name' }, feature.name),
      make('p', { class: 'on' }, 'on ', make('b', {}, profile.title)),
      make('div', { class: `verdict ${kind}` }, sign(feature, entry), make('div', {}, LOOKS[kind][1][0].toUpperCase() + LOOKS[kind][1].slice(1), make('small', {}, LOOKS[kind][2] + (entry.listed ? '' : '; the profile does not list this feature')))),
      facts,
    ];
  };
  const featureCard = feature => {
    const facts = make('dl', {}, term('Class', feature.class + (feature.control ? ': a safeguard' : '')));
    if (feature.at.length) facts.append(term(feature.at.length > 1 ? 'Fields' : 'Field', ...feature.at.map(text => make('code', {}, text))));
    const list = make('ul', { class: 'each' });
    const order = [...chosen()].sort((left, right) => RANK.indexOf(look(feature, entryOf(feature, left))) - RANK.indexOf(look(feature, entryOf(feature, right))));
    for (const profile of order) {
      const entry = entryOf(feature, profile);
      list.append(make('li', {}, make('button', { type: 'button', onclick: () => show(`${feature.name}@${profile.name}`) },
        sign(feature, entry), make('span', {}, make('b', {}, profile.name), ' ', make('em', {}, LOOKS[look(feature, entry)][1])), make('small', {}, entry.reason))));
    }
    return [make('h2', { id: 'card-title' }, feature.title), make('p', { class: 'name' }, feature.name), make('p', {}, feature.doc), facts, list];
  };
  const profileCard = profile => {
    const known = profile.knowledge;
    const percent = part => `${known.entries ? Math.floor(part * 100 / known.entries) : 0} %`;
    const facts = make('dl', {},
      term('Status', profile.status),
      term('Read', make('code', {}, profile.revision)),
      term('Known', `${known.entries} of ${rows.length} features have an entry; ${percent(known.verified)} of these are verified, ${percent(known.executed)} by running the code`),
      term('Anything else', `${data.entries[profile.unlisted].support}: ${data.entries[profile.unlisted].reason}`));
    for (const [title, text] of profile.placement) facts.append(term(title, make('pre', { tabindex: '0' }, text)));
    if (profile.instead) facts.append(term('Instead of NetworkPolicy', sentence(profile.instead)));
    facts.append(term('More', make('button', { type: 'button', class: 'link', onclick: () => { card.close(); state.on = new Set([profile.name]); draw(); } }, 'Show only this one, with reasons')));
    return [make('h2', { id: 'card-title' }, profile.title), make('p', { class: 'name' }, profile.name), facts];
  };
  const show = at => {
    const [featureName, profileName] = at.split('@');
    const feature = byName.get(featureName);
    const profile = profileNamed.get(profileName);
    if (!feature && !profile) { state.at = ''; return writeAddress(); }
    state.at = at;
    $('card-body').replaceChildren(...(feature && profile ? cellCard(feature, profile) : feature ? featureCard(feature) : profileCard(profile)));
    for (const id of ['before', 'after']) $(id).hidden = !profile;
    if (!card.open) card.showModal();
    card.scrollTop = 0;
    $('close').focus({ preventScroll: true });
    writeAddress();
  };
  const neighbour = step => {
    const [featureName, profileName] = state.at.split('@');
    const all = chosen();
    const index = all.findIndex(profile => profile.name === profileName);
    if (!profileName || !all.length) return;
    const next = all[(index + step + all.length) % all.length];
    show(`${featureName}@${next.name}`);
    if (featureName && mode !== 'bars') {
      const cell = document.querySelector(`#table td[data-feature="${byName.get(featureName).index}"][data-profile="${next.index}"]`);
      const row = cell ? visibleRows().indexOf(cell.parentElement) : -1;
      if (row > 0) { here = { row: row - 1, column: cell.cellIndex }; rove(); light(cell.cellIndex); }
    }
  };
  $('close').addEventListener('click', () => card.close());
  $('before').addEventListener('click', () => neighbour(-1));
  $('after').addEventListener('click', () => neighbour(1));
  card.addEventListener('keydown', event => {
    if (event.key === 'ArrowLeft') neighbour(-1);
    else if (event.key === 'ArrowRight') neighbour(1);
  });
  card.addEventListener('click', event => { if (event.target === card) card.close(); });
  card.addEventListener('close', () => {
    state.at = '';
    writeAddress();
    const stop = document.querySelector('#table [tabindex="0"]');
    if (stop && document.activeElement === document.body) stop.focus({ preventScroll: true });
  });

  // Search and filters.
  const press = (set, value) => { if (!set.delete(value)) set.add(value); };
  const chip = (text, pressed, onclick, lead) => make('button', { type: 'button', class: 'chip', 'aria-pressed': String(pressed), onclick }, lead, text);
  const chips = () => {
    $('classes').replaceChildren(
      chip('everything', !state.classes.size, () => { state.classes.clear(); refresh(); }),
      ...data.classes.map(kind => chip(kind, state.classes.has(kind), () => { press(state.classes, kind); refresh(); })));
    $('legend').replaceChildren(...Object.entries(LOOKS).map(([key, [symbol, words, meaning]]) => {
      const button = chip(words, state.only.has(key), () => { press(state.only, key); refresh(); }, make('span', { class: `sign ${key}`, 'aria-hidden': 'true' }, symbol));
      button.title = meaning;
      return button;
    }));
    const label = state.on.size === 0 ? `All ${data.profiles.length} virtual nodes` : state.on.size === 1 ? [...state.on][0] : `${state.on.size} virtual nodes`;
    $('nodes-label').textContent = label;
    for (const box of document.querySelectorAll('#nodes-list input')) box.checked = state.on.has(box.value);
  };
  // Redrawn buttons keep the focus of those they replace.
  const refresh = () => {
    const group = document.activeElement && document.activeElement.closest('.chips');
    const index = group ? [...group.children].indexOf(document.activeElement) : -1;
    chips();
    if (group && index >= 0) group.children[index].focus();
    filter();
  };
  const draw = () => { $('search').value = state.q; chips(); build(); };
  $('nodes-list').replaceChildren(...data.profiles.map(profile => {
    const box = make('input', { type: 'checkbox', value: profile.name });
    box.addEventListener('change', () => { press(state.on, profile.name); chips(); build(); });
    return make('label', {}, box, make('span', {}, profile.name), make('small', {}, `${profile.title}, ${profile.status}`));
  }));
  $('all').addEventListener('click', () => { state.on.clear(); chips(); build(); });
  $('search').addEventListener('input', () => { state.q = $('search').value.trim(); filter(); });
  $('search').addEventListener('keydown', event => {
    const first = document.querySelector('#table [tabindex="0"]');
    if (event.key === 'ArrowDown' && first) { event.preventDefault(); first.focus(); first.scrollIntoView({ block: 'nearest' }); }
  });
  $('clear').addEventListener('click', () => { state.q = ''; state.classes.clear(); state.only.clear(); draw(); $('search').focus(); });
  document.addEventListener('keydown', event => {
    const isTyping = /^(INPUT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== 'checkbox';
    if (event.key === '/' && !isTyping && !card.open) { event.preventDefault(); $('search').focus(); $('search').select(); }
    if (event.key === 'Escape' && $('nodes').open) { $('nodes').open = false; $('nodes').querySelector('summary').focus(); }
    else if (event.key === 'Escape' && event.target === $('search')) { state.q = ''; $('search').value = ''; filter(); }
  });
  document.addEventListener('click', event => { if ($('nodes').open && !$('nodes').contains(event.target)) $('nodes').open = false; });
  $('theme').addEventListener('click', () => {
    const isDark = state.theme ? state.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    state.theme = isDark ? 'light' : 'dark';
    paint();
    writeAddress();
  });
  const paint = () => { document.documentElement.style.colorScheme = state.theme || ''; };
  const start = () => {
    readAddress();
    paint();
    const at = state.at;
    draw();
    if (at) show(at); else if (card.open) card.close();
  };
  narrow.addEventListener('change', build);
  addEventListener('hashchange', start);
  $('n-profiles').textContent = `${data.profiles.length} kinds`;
  $('n-features').textContent = data.features.length;
  $('version').textContent = data.version;
  $('bundle').textContent = data.bundle;
  start();
})();

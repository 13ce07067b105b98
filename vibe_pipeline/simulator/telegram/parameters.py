"""The methods of the Bot API that are simulated, with the names of their parameters."""

_SENDING = (
    "business_connection_id chat_id message_thread_id direct_messages_topic_id disable_notification"
    " protect_content allow_paid_broadcast message_effect_id suggested_post_parameters"
    " reply_parameters reply_markup"
)
_CAPTION = "caption parse_mode caption_entities"
_EDITING = "business_connection_id chat_id message_id inline_message_id reply_markup"
_COMMANDS = "scope language_code"

PARAMETERS: dict[str, frozenset[str]] = {
    method: frozenset(names.split())
    for method, names in {
        "getMe": "",
        "getUpdates": "offset limit timeout allowed_updates",
        "setWebhook": "url certificate ip_address max_connections allowed_updates"
        " drop_pending_updates secret_token",
        "deleteWebhook": "drop_pending_updates",
        "getWebhookInfo": "",
        "logOut": "",
        "close": "",
        "sendMessage": f"{_SENDING} text parse_mode entities link_preview_options",
        "sendDocument": f"{_SENDING} {_CAPTION} document thumbnail disable_content_type_detection",
        "sendPhoto": f"{_SENDING} {_CAPTION} photo show_caption_above_media has_spoiler",
        "editMessageText": f"{_EDITING} text parse_mode entities link_preview_options rich_message",
        "editMessageCaption": f"{_EDITING} {_CAPTION} show_caption_above_media",
        "editMessageReplyMarkup": _EDITING,
        "deleteMessage": "chat_id message_id",
        "answerCallbackQuery": "callback_query_id text show_alert url cache_time",
        "sendChatAction": "business_connection_id chat_id message_thread_id action",
        "setMyCommands": f"commands {_COMMANDS}",
        "getMyCommands": _COMMANDS,
        "deleteMyCommands": _COMMANDS,
        "setMyName": "name language_code",
        "getMyName": "language_code",
        "setMyDescription": "description language_code",
        "getMyDescription": "language_code",
        "setMyShortDescription": "short_description language_code",
        "getMyShortDescription": "language_code",
        "setChatMenuButton": "chat_id menu_button",
        "getChatMenuButton": "chat_id",
        "getFile": "file_id",
        "getChat": "chat_id",
    }.items()
}
